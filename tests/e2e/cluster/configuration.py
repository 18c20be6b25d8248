"""What the node's programs are told: their flags and their configuration files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.e2e.cluster.binaries import fingerprint
from tests.e2e.cluster.certs import API_SERVER

NODE = "node1"
NODE_ADDRESS = "10.244.0.1"
SERVICE_ADDRESS = "10.96.0.1"
POD_NETWORK = "10.244.1.0/24"
PAUSE_IMAGE = "localhost/rowmill-e2e/pause:1"
CGROUP_PREFIX = "rowmill-e2e-"
# In the order in which they start.
PROGRAMS = (
    "containerd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
)
_CLUSTER_NETWORK = "10.244.0.0/16"
_SERVICE_NETWORK = "10.96.0.0/16"


@dataclass(frozen=True)
class Layout:
    """Where a node keeps what: everything below one folder, its cgroups below one name.

    `flags` are added, by program of hyperkube, to the flags that all nodes have.
    """

    state: Path
    flags: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def settings(self) -> Path:
        return self.state / "settings"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def pids(self) -> Path:
        return self.state / "pid"

    @property
    def containerd_socket(self) -> Path:
        return self.state / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        return self.pki / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.logs / "audit.log"

    @property
    def cgroup(self) -> str:
        return f"{CGROUP_PREFIX}{fingerprint([str(self.state)])}"


def write_settings(layout: Layout) -> None:
    """Write the configuration files of all programs."""
    folder = layout.settings
    (folder / "cni").mkdir(parents=True)
    (folder / "containerd.toml").write_text(_containerd(layout), encoding="utf-8")
    (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(_bridge()), encoding="utf-8")
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(_kubelet(layout)), encoding="utf-8")
    (folder / "audit.yaml").write_text(yaml.safe_dump(_AUDIT_POLICY), encoding="utf-8")
    (folder / "Corefile").write_text(_corefile(layout), encoding="utf-8")
    # Pods ask the node's CoreDNS, and so do tests that live in its network.
    (folder / "resolv.conf").write_text(
        f"search svc.cluster.local cluster.local\nnameserver {NODE_ADDRESS}\n", encoding="utf-8"
    )


def command(program: str, layout: Layout, binaries: dict[str, Path]) -> list[str]:
    """The command line of one of PROGRAMS; `binaries` has hyperkube and coredns."""
    settings, state = layout.settings, layout.state
    if program == "containerd":
        return ["containerd", "-c", str(settings / "containerd.toml")]
    if program == "coredns":
        return [str(binaries["coredns"]), "-conf", str(settings / "Corefile")]
    flags = {
        "etcd": {"data-dir": state / "etcd", "unsafe-no-fsync": "true"},
        "kube-apiserver": _api_server_flags(layout),
        "kube-controller-manager": _manager_flags(layout),
        "kube-scheduler": _controller_flags(layout, "kube-scheduler"),
        "kubelet": _kubelet_flags(layout),
        "kube-proxy": _proxy_flags(layout),
    }[program]
    more = layout.flags.get(program, {})
    return [
        str(binaries["hyperkube"]),
        program,
        *(f"--{name}={value}" for name, value in {**flags, **more}.items()),
    ]


def _api_server_flags(layout: Layout) -> dict[str, object]:
    pki = layout.pki
    return {
        "etcd-servers": "http://127.0.0.1:2379",
        "secure-port": API_SERVER.rpartition(":")[2],
        "advertise-address": NODE_ADDRESS,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-cluster-ip-range": _SERVICE_NETWORK,
        "cert-dir": layout.state / "kube-apiserver",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet-client.crt",
        "kubelet-client-key": pki / "apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-signing-key-file": pki / "sa.key",
        "service-account-key-file": pki / "sa.pub",
        "audit-policy-file": layout.settings / "audit.yaml",
        "audit-log-path": layout.audit_log,
        "audit-log-maxsize": 4096,
    }


def _controller_flags(layout: Layout, name: str) -> dict[str, object]:
    kubeconfig = layout.pki / f"{name}.kubeconfig"
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "cert-dir": layout.state / name,
    }


def _manager_flags(layout: Layout) -> dict[str, object]:
    pki = layout.pki
    return {
        **_controller_flags(layout, "kube-controller-manager"),
        "use-service-account-credentials": "true",
        "service-account-private-key-file": pki / "sa.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "allocate-node-cidrs": "true",
        "node-cidr-mask-size": "24",
        "cluster-cidr": _CLUSTER_NETWORK,
        "service-cluster-ip-range": _SERVICE_NETWORK,
    }


def _kubelet_flags(layout: Layout) -> dict[str, object]:
    return {
        "config": layout.settings / "kubelet.yaml",
        "kubeconfig": layout.pki / "kubelet.kubeconfig",
        "hostname-override": NODE,
        "node-ip": NODE_ADDRESS,
        "root-dir": layout.state / "kubelet",
        "cert-dir": layout.state / "kubelet-certs",
    }


def _proxy_flags(layout: Layout) -> dict[str, object]:
    return {
        "kubeconfig": layout.pki / "kube-proxy.kubeconfig",
        "hostname-override": NODE,
        "proxy-mode": "iptables",
        "cluster-cidr": _CLUSTER_NETWORK,
        # Connection tracking is the host's, which is not ours to set.
        "conntrack-max-per-core": 0,
        "conntrack-tcp-timeout-established": 0,
        "conntrack-tcp-timeout-close-wait": 0,
    }


def _containerd(layout: Layout) -> str:
    return f"""\
version = 2
root = "{layout.state}/containerd"
state = "{layout.state}/containerd-state"
[grpc]
  address = "{layout.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE a lower score cannot be set, and no sandbox would start.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{layout.settings}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.internal.v1.opt"]
  path = "{layout.state}/containerd-opt"
"""


def _bridge() -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_NETWORK}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": addresses,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _kubelet(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "tlsCertFile": str(layout.pki / "kubelet-serving.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-serving.key"),
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [NODE_ADDRESS],
        "resolvConf": str(layout.settings / "resolv.conf"),
        "podCIDR": POD_NETWORK,
        "maxPods": 110,
        # No image can be fetched again, so none may be collected.
        "imageMinimumGCAge": "2562047h0m0s",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "5s",
        "volumePluginDir": str(layout.state / "volume-plugins"),
        "shutdownGracePeriod": "0s",
    }


def _corefile(layout: Layout) -> str:
    return f"""\
cluster.local:53 {{
  bind {NODE_ADDRESS}
  kubernetes cluster.local {{
    kubeconfig {layout.pki}/coredns.kubeconfig
    pods insecure
  }}
  cache 5
}}
"""


# Who asked for what, of all but Kubernetes's own parts.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "None",
            "users": [
                "coredns",
                "system:apiserver",
                "system:kube-controller-manager",
                "system:kube-proxy",
                "system:kube-scheduler",
            ],
        },
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {"level": "Metadata"},
    ],
}
