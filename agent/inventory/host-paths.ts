/** Where the kernel's own views are mounted; a test lays out recorded trees instead. */
export interface HostPaths {
  /** sysfs, normally `/sys`. */
  readonly sysRoot: string;
  /** procfs, normally `/proc`. */
  readonly procRoot: string;
  /** Configuration, normally `/etc`. */
  readonly etcRoot: string;
}

export const HOST_PATHS: HostPaths = { sysRoot: '/sys', procRoot: '/proc', etcRoot: '/etc' };
