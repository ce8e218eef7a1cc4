"""The network wall of the prober as `deploy/` has it: its ranges are made from the table the fetcher itself goes by."""

from __future__ import annotations

from collections.abc import Iterable
from string import Template

from bot.config import readers
from bot.config.settings import VARIABLES
from bot.model.address import Network, not_public

LINE_MAX = 100
USER = "stampbot-prober"

_UNIT = Template("""\
# /etc/systemd/system/stampbot-prober.service (written by make docs)
[Unit]
Description=Stampbot's prober: fetches strangers' links, holds no secret
After=network-online.target redis-server.service valkey-server.service
Wants=network-online.target

[Service]
ExecStart=/opt/stampbot/bin/stampbot prober
# The same file as that of stampbot.service; secrets do not reach this process.
EnvironmentFile=/etc/stampbot/stampbot.env
UnsetEnvironment=$secrets
Restart=always
RestartSec=5
TimeoutStopSec=60

# A user without anything. If there is an account of this name it is taken, else one is made for the time it runs.
DynamicUser=yes
User=$user
# The group that may open Redis' Unix socket.
SupplementaryGroups=redis

# Where it may not go, one line per family. What is allowed is stronger, and it is allowed with all its ports: so Redis by its
# Unix socket, which needs no line here, and of this machine nothing but its resolver.
$deny
IPAddressAllow=127.0.0.53
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX

# What it can eat.
MemoryMax=512M
MemorySwapMax=0
TasksMax=128
CPUQuota=100%

# What it can see and touch.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
UMask=0077
# Not ~@resources: the prober sets a limit on its own memory.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
""")

_RULESET = Template("""\
# /etc/nftables.d/stampbot-prober.nft (written by make docs): a wall for the user stampbot-prober, whatever starts its process.
# Say here where your resolver is (/etc/resolv.conf) and where Redis is.
define resolver = 127.0.0.53
define redis = 127.0.0.1

table inet stampbot_prober
delete table inet stampbot_prober
table inet stampbot_prober {
    set special4 {
        type ipv4_addr
        flags interval
        elements = {
$special4
        }
    }

    set special6 {
        type ipv6_addr
        flags interval
        elements = {
$special6
        }
    }

    chain output {
        type filter hook output priority filter; policy accept;
        # Not the other way round: packets of no socket have no user, and would be the prober's.
        meta skuid "$user" jump prober
    }

    chain prober {
        # What it needs of us: names, and Redis where that is not a Unix socket.
        ip daddr $$resolver meta l4proto { tcp, udp } th dport 53 accept
        ip daddr $$redis tcp dport 6379 accept

        # Addresses of this machine, the public ones too, and whatever is no public address.
        fib daddr type local counter reject with icmpx type admin-prohibited
        ip daddr @special4 counter reject with icmpx type admin-prohibited
        ip6 daddr @special6 counter reject with icmpx type admin-prohibited

        # The ports of the web, and those of STAMPBOT_EVIDENCE_PORTS if you set it.
        tcp dport { 80, 443 } accept
        counter reject with icmpx type admin-prohibited
    }
}
""")


def unit() -> str:
    """The systemd unit."""
    deny = "\n".join(f"IPAddressDeny={' '.join(map(str, not_public(version)))}" for version in (4, 6))
    return _UNIT.substitute(user=USER, deny=deny, secrets=" ".join(secrets_kept_from_the_prober()))


def ruleset() -> str:
    """The nftables table."""
    sets = {f"special{version}": _elements(not_public(version)) for version in (4, 6)}
    return _RULESET.substitute(user=USER, **sets)


def secrets_kept_from_the_prober() -> tuple[str, ...]:
    """The variables with a secret that the prober has no use for: it needs the address of its Redis alone."""
    return tuple(each.name for each in VARIABLES if each.secret and each.read is not readers.redis_url)


def _elements(networks: Iterable[Network]) -> str:
    """Elements of a set, a few to a line."""
    lines = [""]
    for network in networks:
        piece = f"{network}, "
        if len(lines[-1]) + len(piece) > LINE_MAX:
            lines.append("")
        lines[-1] += piece
    return "\n".join(" " * 12 + line.rstrip() for line in lines).removesuffix(",")
