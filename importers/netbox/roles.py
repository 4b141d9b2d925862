"""Which class a device or a cluster has, told by the name that people gave to its role or type."""

from __future__ import annotations

import re
from typing import Final


def device_class(role: str | None) -> str:
    """The class of a device with this role; `Device` when the role says nothing known."""
    return _first(_DEVICES, role, "Device")


def cluster_class(kind: str | None) -> str:
    """The class of a cluster of this type; `Cluster` when the type says nothing known."""
    return _first(_CLUSTERS, kind, "Cluster")


def _first(rules: tuple[tuple[str, re.Pattern[str]], ...], text: str | None, otherwise: str) -> str:
    return next((name for name, pattern in rules if text is not None and pattern.search(text)), otherwise)


def _rules(**patterns: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(rf"(?i)(?<![a-z])(?:{pattern})")) for name, pattern in patterns.items())


_DEVICES: Final = _rules(
    PatchPanel=r"patch|odf\b",
    PowerDistributionUnit=r"pdu|power dist",
    UninterruptiblePowerSupply=r"ups\b|uninterruptible",
    Generator=r"generator",
    CoolingUnit=r"cool|crac|hvac",
    Firewall=r"firewall",
    LoadBalancer=r"load.?balanc|adc\b",
    SecurityAppliance=r"ids\b|ips\b|hsm\b|security|waf\b",
    AccessPoint=r"access.?point|wireless|wi-?fi|ap\b|wap\b",
    Switch=r"switch|tor\b|spine|leaf",
    Router=r"router|gateway|cpe\b",
    StorageDevice=r"storage|nas\b|san\b|array|filer|tape",
    Hypervisor=r"hypervisor|esxi?|virtuali[sz]ation|vm.?host",
    Chassis=r"chassis|enclosure",
    Workstation=r"workstation|desktop|laptop|pc\b",
    Server=r"server|host|node|blade",
)
_CLUSTERS: Final = _rules(
    OrchestratorCluster=r"kubernetes|k8s|k3s|openshift|rancher|nomad|swarm",
    DatabaseCluster=r"database|postgres|mysql|galera|oracle rac|cassandra",
    HypervisorCluster=r"vmware|vsphere|esxi?|proxmox|hyper-?v|kvm|xen|nutanix|openstack|ovirt|virtuali[sz]ation",
)
