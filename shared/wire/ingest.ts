/**
 * What an agent and the server say to each other: the bodies of `POST /v1/enroll` and `POST /v1/ingest`. One meaning
 * on both sides; the server validates against these shapes and refuses unknown fields.
 */

/** How an energy figure came to be, best first. `simulated` is demo data and is never mixed in silently. */
export const ENERGY_KINDS = ['counter', 'integrated', 'modelled', 'simulated'] as const;
export type EnergyKind = (typeof ENERGY_KINDS)[number];

/** `other` is the rest of the host: what a node meter sees beyond the metered parts. */
export const DEVICE_TYPES = ['gpu', 'cpu', 'memory', 'other'] as const;
export type DeviceType = (typeof DEVICE_TYPES)[number];

/** A power series of one device in one closed window; see `series-codec.ts` for the bytes behind `watts`. */
export interface SeriesWire {
  readonly stepMilliseconds: number;
  /** base64 of the encoded samples. */
  readonly watts: string;
}

/** Totals of one device in one window so far: absolute, never a delta. */
export interface DeviceReport {
  /** GPU UUID, or an id that is stable across reboots (`cpu-0`, `memory-0`, `other`). */
  readonly id: string;
  readonly type: DeviceType;
  readonly name: string;
  /** 0..300000: how much of the window was metered (recovered time included). */
  readonly meteredMilliseconds: number;
  readonly energyMillijoules: number;
  readonly kind: EnergyKind;
  /** Part of `energyMillijoules` that a counter consumed while nobody read it. Default 0. */
  readonly recoveredMillijoules?: number;
  /** The same span integrated from power samples, where a counter exists as well. */
  readonly integratedMillijoules?: number;
  /** Part of `energyMillijoules` while the device was proven free (no job allocated, empty process list). Default 0. */
  readonly idleMillijoules?: number;
  /** Mean over the metered time, 0..1. */
  readonly utilizationRatio?: number;
  readonly series?: SeriesWire;
}

export interface JobDeviceReport {
  readonly id: string;
  readonly energyMillijoules: number;
  readonly allocatedMilliseconds: number;
}

/**
 * How a job came to its share, best first: by the allocation of whole devices; of slices of a partitioned GPU, by their
 * size; of turns on a shared GPU, by their number; by what its processes used of a shared GPU; or only because its
 * processes were seen on a device that nobody is known to have allocated.
 */
export const JOB_ATTRIBUTIONS = ['allocation', 'slices', 'turns', 'utilization', 'processes'] as const;
export type JobAttribution = (typeof JOB_ATTRIBUTIONS)[number];

export interface JobReport {
  /** `<scheduler>:<cluster>:<id>`, with `:<restart>` where the scheduler restarts jobs. */
  readonly id: string;
  readonly project?: string;
  readonly user?: string;
  readonly phase?: string;
  /** The weakest that went into its shares of this window. Default `allocation`. */
  readonly attribution?: JobAttribution;
  readonly devices: readonly JobDeviceReport[];
}

/** What the agent says about one window, under an (epoch, revision) that only grows. */
export interface WindowReport {
  readonly windowStartMs: number;
  /** One unbroken run of the agent's durable state: 8..32 of [a-z0-9]. */
  readonly epoch: string;
  /** From 1; grows with every change of content. */
  readonly revision: number;
  /** True once the window is over and nothing more will be added. */
  readonly final: boolean;
  readonly devices: readonly DeviceReport[];
  readonly jobs: readonly JobReport[];
}

/** How a sensor stands: working, standby (a better one meters the same devices), absent (no such hardware), no data (not now) or failed. */
export const SENSOR_STATES = ['ready', 'standby', 'absent', 'noData', 'failed'] as const;
export type SensorState = (typeof SENSOR_STATES)[number];

export interface SensorHealth {
  readonly sensor: string;
  readonly state: SensorState;
  /** What was found, or why not. */
  readonly detail: string;
  /** The exact command or setting that would mend it, where there is one. */
  readonly fix?: string;
}

export interface InventoryPart {
  /** Stable: a GPU's UUID, `cpu-0`, `memory`, `dimm-` and a module's serial or slot, a disk's serial. */
  readonly id: string;
  /** `dimm`: one module; `memory`: all of it, where nothing tells the modules. */
  readonly type: 'gpu' | 'cpu' | 'memory' | 'dimm' | 'ssd' | 'hdd';
  /** As the hardware names itself. */
  readonly name: string;
  /** Bytes for memory and disks; absent elsewhere. */
  readonly capacityBytes?: number;
  /** CPUs: physical cores of this socket. */
  readonly cores?: number;
}

/** What a power sample stands for: `unknown` where the interface does not tell. */
export const POWER_MEANINGS = ['mean', 'instantaneous', 'unknown'] as const;
export type PowerMeaning = (typeof POWER_MEANINGS)[number];

/** Where along the supply a meter of the whole node measures; power supplies lose 4 to 10 % between the two. */
export const MEASURING_POINTS = ['acIn', 'dcOut', 'unknown'] as const;
export type MeasuringPoint = (typeof MEASURING_POINTS)[number];

/** What a meter's figures mean on this hardware under this driver. What is left out is not known. */
export interface MeterFacts {
  /** The power as its driver or controller names it: `NVML field 185`, `power1_average`. */
  readonly powerSource?: string;
  readonly powerMeaning?: PowerMeaning;
  /** Over how long it is a mean, or for how long the sensor looks for one sample. */
  readonly powerWindowMilliseconds?: number;
  /** Share of the time that the sensor looks, 0..1: 0.25 on A100 and H100. */
  readonly sampledRatio?: number;
  readonly driverVersion?: string;
  /** Enforced now. */
  readonly powerLimitWatts?: number;
  /** Of the board, before anybody changed it. */
  readonly defaultPowerLimitWatts?: number;
  readonly measuredAt?: MeasuringPoint;
}

/** What a meter's figure covers: one device, a module of CPU and GPU, or the whole node. */
export const METER_SCOPES = ['device', 'module', 'node'] as const;

export interface MeterDescription extends MeterFacts {
  /** `nvml:GPU-…`: one stream of readings. */
  readonly id: string;
  readonly sensor: string;
  readonly deviceId: string;
  readonly scope: (typeof METER_SCOPES)[number];
}

export interface Inventory {
  readonly hostname: string;
  readonly kernel: string;
  /** DMI product name, or empty where the host does not say. */
  readonly productName: string;
  readonly parts: readonly InventoryPart[];
  /** How its devices are metered now. */
  readonly meters?: readonly MeterDescription[];
}

export interface AgentHealth {
  readonly sensors: readonly SensorHealth[];
  readonly spoolBytes: number;
  readonly spoolReports: number;
  /** Since the epoch began. */
  readonly droppedSeries: number;
  readonly droppedReports: number;
  readonly damagedRecords: number;
}

export interface IngestBody {
  readonly version: 1;
  readonly sentAtMs: number;
  readonly agentVersion: string;
  readonly reports: readonly WindowReport[];
  /** Sent when it changed, and once after each start. */
  readonly inventory?: Inventory;
  /** Sent when it changed. */
  readonly health?: AgentHealth;
}

export interface QuarantinedReport {
  readonly windowStartMs: number;
  /** Null when the whole report was set aside. */
  readonly deviceId: string | null;
  readonly code: string;
}

/** How fast a node may send what it could not send before. */
export interface BacklogPace {
  /** Reports of the backlog that one request may carry. */
  readonly reportsPerRequest: number;
  /** Between two such requests of one node; the first comes at random within as long. 0: one after the other. */
  readonly everySeconds: number;
}

/** accepted + unchanged + number of distinct quarantined reports = reports sent. */
export interface IngestReply {
  readonly accepted: number;
  readonly unchanged: number;
  readonly quarantined: readonly QuarantinedReport[];
  /** Power series that were set aside alone; their reports count as accepted or unchanged. */
  readonly seriesSetAside?: readonly QuarantinedReport[];
  readonly serverTimeMs: number;
  readonly reportEverySeconds: number;
  /** 0..1: where in each interval this node reports; UTC seconds modulo `reportEverySeconds` are this share of it. */
  readonly reportPhaseRatio?: number;
  readonly backlog?: BacklogPace;
}

export interface EnrollBody {
  readonly hostname: string;
  /** SHA-256, hex, of DMI UUID and sorted GPU UUIDs (or the machine id where neither exists): who this host is. */
  readonly fingerprint: string;
  /** SHA-256, hex, of the DMI UUID alone, or of the machine id: recognises a host whose GPUs were changed. */
  readonly machineFingerprint: string;
  readonly agentVersion: string;
  /** Ids of its GPUs as its reports name them, at most 64: tell two hosts apart that came with one machine id. */
  readonly gpuIds?: readonly string[];
}

export interface EnrollReply {
  readonly nodeId: string;
  /** `wsk_<id>_<secret>`, scope ingest, this node only. Shown once. */
  readonly token: string;
  readonly gridZone: string;
  readonly site: string;
}
