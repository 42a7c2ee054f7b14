"""What to do in place of options that several sources have and a pool has no field for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queueworkers.importing.document import Draft

FORCE = "a worker of a pool rests in maintenance mode; an application that must work meanwhile has to be told so itself"
DIRECTORY = "the image's working directory has to be the application's"
NAME = "pods are named after the pool"
STARTED_AGAIN = "a worker that ends is started again by itself"
LOG = "the container's log has what the worker prints"
USER = "the image's USER decides; another is podTemplate.spec.securityContext.runAsUser, which takes a number"
NICE = "resources.requests.cpu decides how much of a busy machine a worker gets"


def secret_to_make(draft: Draft) -> str:
    """Ask for the Secret to which `secret_reference` of the same draft refers."""
    return (
        f"secrets do not belong into a pool: make the Secret {draft.name}-env with these keys,"
        " or leave them to envFrom"
    )
