"""
A real Kubernetes on one Linux machine, for tests and for trying things out.

The harness starts etcd, the control plane and a node that runs real
containers, each as a child process, inside a network namespace of its own.
Nothing of the machine's network, services or container runtimes is touched,
several clusters live side by side, and no image registry is asked.

It needs the standard library only, so it runs before any virtual environment
exists:  ``PYTHONPATH=tests python3 -m harness up``.

How the files depend on each other, from the bottom up::

    errors, progress, commands, locations,     what every cluster has
      processes, network, cgroups
    packages, go_toolchain, binaries           what a machine must have
    images, base_images                        images without a registry
    credentials, control_plane, containers,    the daemons, one concern a file
      kubelet, service_proxy, name_server,
      fake_node
    local_cluster                              the order of starting and ending
    cluster                                    what a test holds in its hand
    guardian, fixtures, __main__               who owns a cluster, and how long
"""
