/** The systemd unit: an account of its own, and no more of the host than metering needs. */
import { CONFIG_DIRECTORY, SERVICE_USER } from './layout.ts';

export interface UnitOptions {
  /** Absolute path of the installed `wattshed`. */
  readonly command: string;
  /** Of the host: groups that own device files of GPUs. */
  readonly groups: readonly string[];
}

/**
 * Deliberately absent: `MemoryDenyWriteExecute` (V8 compiles code), `PrivateDevices` and `ProtectClock` (both hide the GPUs,
 * the latter by allowing one device) and `ProtectProc=invisible` (jobs are found by their processes). CAP_DAC_READ_SEARCH reads RAPL's counters and the
 * machine's id, which belong to root; it writes nothing.
 */
export function unitText({ command, groups }: UnitOptions): string {
  return `[Unit]
Description=Wattshed agent: meters the power of this host
After=local-fs.target network.target
# Never given up: a host without its agent is a gap in the figures.
StartLimitIntervalSec=0

[Service]
Type=notify
# Where libc cannot be called, systemd-notify speaks for the agent.
NotifyAccess=all
ExecStart=${command} run
WatchdogSec=120
TimeoutStartSec=120
Restart=always
RestartSec=1
# Wrong settings and a host that is not enrolled do not mend by themselves.
RestartPreventExitStatus=2 3
User=${SERVICE_USER}
Group=${SERVICE_USER}
${groups.length === 0 ? '' : `SupplementaryGroups=${groups.join(' ')}\n`}StateDirectory=wattshed
StateDirectoryMode=0700
LoadCredential=node.json:${CONFIG_DIRECTORY}/node.json
Environment=WATTSHED_STATE_DIR=/var/lib/wattshed
EnvironmentFile=-${CONFIG_DIRECTORY}/environment
UMask=0077
Nice=10
IOSchedulingClass=idle
OOMScoreAdjust=500
MemoryMax=256M
TasksMax=64

CapabilityBoundingSet=CAP_DAC_READ_SEARCH
AmbientCapabilities=CAP_DAC_READ_SEARCH
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}
