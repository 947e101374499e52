/** A host that enrols, and what is known of those that it may be. */

export interface HostIdentity {
  readonly hostname: string;
  readonly fingerprint: string;
  readonly machineFingerprint: string;
  readonly agentVersion: string;
  /** Ids of its GPUs as in its reports; undefined from an agent that does not say. */
  readonly gpuIds?: readonly string[];
}

export interface KnownHost {
  readonly number: number;
  readonly id: string;
}

/** A node of the same machine id. */
export interface Lookalike extends KnownHost {
  readonly hostname: string;
  readonly enrolledAtMs: number;
  readonly retiredAtMs: number | null;
  /** Of the same GPUs as well. */
  readonly isSame: boolean;
  /** When the newest change of its newest hour arrived. */
  readonly lastReportAtMs: number | null;
  /** That it ever reported, and those of them that the host has. */
  readonly gpus: number;
  readonly sharedGpus: number;
}

export interface NodeToken {
  readonly id: string;
  readonly secretSha256: string;
}
