"""Which cluster is meant: by a pod's own service account, or by a kubeconfig."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import yaml
from kubernetes.aio import client, config

from queueworkers.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


async def load_configuration(kubeconfig: str | None) -> client.Configuration:
    """
    Find the cluster: the pod's own service account, or else a kubeconfig.

    Args:
        kubeconfig: A file to use in any case; ``None`` means the usual places.

    Raises:
        SettingsError: there is neither, or the kubeconfig cannot be used; the message says why.
    """
    configuration = _trusting_ordinary_authorities()
    if kubeconfig is None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            pass
        else:
            return configuration
    with _refused_with_a_sentence(kubeconfig):
        await config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)
    return configuration


async def load_users_configuration(
    kubeconfig: str | None, *, context: str | None
) -> tuple[client.Configuration, str]:
    """
    Find the cluster that a person means, and the namespace that is theirs by default.

    Args:
        kubeconfig: A file; ``None`` means the usual places.
        context: One of its contexts; ``None`` means the current one.

    Raises:
        SettingsError: the kubeconfig cannot be used, or has no such context; the message says why.
    """
    configuration = _trusting_ordinary_authorities()
    with _refused_with_a_sentence(kubeconfig):
        contexts, current = config.list_kube_config_contexts(kubeconfig)
        chosen = next((each for each in contexts if each["name"] == context), None) if context else current
        if chosen is None:
            names = ", ".join(each["name"] for each in contexts)
            raise SettingsError(f"the kubeconfig has no context {context}; it has {names}")
        await config.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration
        )
        return configuration, chosen["context"].get("namespace") or "default"


def context_names(kubeconfig: str | None) -> Sequence[str]:
    """
    List the contexts that a person can choose from.

    Args:
        kubeconfig: A file; ``None`` means the usual places.

    Raises:
        SettingsError: the kubeconfig cannot be used; the message says why.
    """
    with _refused_with_a_sentence(kubeconfig):
        contexts, _ = config.list_kube_config_contexts(kubeconfig)
        return [each["name"] for each in contexts]


def _trusting_ordinary_authorities() -> client.Configuration:
    """
    Verify the API server as kubectl does.

    From Python 3.13 on an authority is refused that lacks extensions of RFC 5280, as those of older EKS and MicroK8s
    clusters do, with which everything else works (kubernetes-client/python#2394).
    """
    configuration = client.Configuration()
    configuration.disable_strict_ssl_verification = True
    return configuration


@contextmanager
def _refused_with_a_sentence(kubeconfig: str | None) -> Iterator[None]:
    """Translate what the official client ends with where a kubeconfig is not one."""
    name = kubeconfig or "the kubeconfig"
    try:
        yield
    except config.ConfigException as error:
        raise SettingsError(f"no cluster is known: {error}") from error
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{name} is no YAML: {error}") from error
    # It takes for granted what stands in a kubeconfig, and that what is Base64 there can be decoded.
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise SettingsError(f"{name} is no kubeconfig: {error}") from error
