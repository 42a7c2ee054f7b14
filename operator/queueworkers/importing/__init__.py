"""
Other systems' configuration as pools: `qwp import`.

One module reads each format (`ini`, `php_arrays`, and YAML in `keda`), one
translates each source (`supervisor`, `horizon`, `nativephp`, `keda`).  Nothing
is lost on the way: what a pool has no field for becomes a comment, and what no
file tells becomes a question (`document`).  Nothing here does I/O.
"""
