/**
 * The D1 schema, one place for every table. Migrations are generated from it (`npm run db:generate`), never written.
 *
 * D1 bills rows written: an `INTEGER PRIMARY KEY` costs one row per write, a TEXT or composite key two, each secondary
 * index one more. So the tables that grow with time have computed integer keys and no index; the small ones may have both.
 */
import { sql } from 'drizzle-orm';
import { blob, index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** Who may call: the secret is stored as SHA-256 only (it is random, so no slow hash is needed). */
export const tokens = sqliteTable(
  'tokens',
  {
    id: text('id').primaryKey(),
    secretSha256: text('secret_sha256').notNull(),
    scope: text('scope', { enum: ['ingest', 'read', 'admin'] }).notNull(),
    label: text('label').notNull(),
    /** Set for scope `ingest`: the one node it may write. */
    nodeNumber: integer('node_number'),
    /** For scope `read`, JSON: the only projects whose jobs it may see; null: the whole fleet. */
    projects: text('projects', { mode: 'json' }).$type<string[]>(),
    createdAtMs: integer('created_at_ms').notNull(),
    revokedAtMs: integer('revoked_at_ms'),
  },
  (table) => [index('tokens_node').on(table.nodeNumber)],
);

export const enrolmentKeys = sqliteTable('enrolment_keys', {
  id: text('id').primaryKey(),
  secretSha256: text('secret_sha256').notNull(),
  label: text('label').notNull(),
  siteId: text('site_id').notNull(),
  /** JSON object of strings, given to each node that enrols with this key. */
  labels: text('labels', { mode: 'json' }).$type<Record<string, string>>().notNull(),
  /** Null: unlimited. */
  maxUses: integer('max_uses'),
  uses: integer('uses').notNull(),
  /** A known host: `replace` gives it a new token and ends the old one, `refuse` answers 409. */
  onKnownHost: text('on_known_host', { enum: ['replace', 'refuse'] }).notNull(),
  createdAtMs: integer('created_at_ms').notNull(),
  expiresAtMs: integer('expires_at_ms'),
  revokedAtMs: integer('revoked_at_ms'),
});

export const sites = sqliteTable('sites', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  createdAtMs: integer('created_at_ms').notNull(),
});

/**
 * Every value that holds from a date: append-only, so that what was known when can be told. Of the rows of one subject
 * and key, the one with the greatest `effectiveFromMs` not after an instant holds there; on a tie the last recorded.
 */
export const settings = sqliteTable(
  'settings',
  {
    id: integer('id').primaryKey(),
    /** `site:<id>` or `node:<number>` or `fleet`. */
    subject: text('subject').notNull(),
    /** site: `gridZone`, `pueRatio`, `embodiedLifetimeYears`; node: `site`; fleet: as documented in the settings route. */
    key: text('key').notNull(),
    value: text('value').notNull(),
    effectiveFromMs: integer('effective_from_ms').notNull(),
    recordedAtMs: integer('recorded_at_ms').notNull(),
    /** Token id of who set it. */
    recordedBy: text('recorded_by').notNull(),
  },
  (table) => [index('settings_subject').on(table.subject)],
);

export const nodes = sqliteTable(
  'nodes',
  {
    /** Small integer that leads the key of every row of this node. */
    number: integer('number').primaryKey(),
    id: text('id').notNull().unique(),
    hostname: text('hostname').notNull(),
    labels: text('labels', { mode: 'json' }).$type<Record<string, string>>().notNull(),
    fingerprint: text('fingerprint').notNull(),
    machineFingerprint: text('machine_fingerprint').notNull(),
    enrolledAtMs: integer('enrolled_at_ms').notNull(),
    /** Demo nodes are marked here and everywhere they appear. */
    simulated: integer('simulated', { mode: 'boolean' }).notNull(),
    agentVersion: text('agent_version').notNull(),
    /** `Inventory` and `AgentHealth` as last reported; written only when they change. */
    inventory: text('inventory', { mode: 'json' }),
    inventoryAtMs: integer('inventory_at_ms'),
    health: text('health', { mode: 'json' }),
    healthAtMs: integer('health_at_ms'),
    retiredAtMs: integer('retired_at_ms'),
    /** JSON: `[retiredAtMs, enrolledAgainAtMs]` of each time that it was out of the fleet and came back, in order. */
    absences: text('absences').notNull().default('[]'),
    /** Power series that came for a window which had one already: a window keeps the first. */
    droppedSeries: integer('dropped_series').notNull().default(0),
    /** Whole days since 1970: the oldest of its days that is in a file of the bucket. */
    firstFiledDay: integer('first_filed_day'),
  },
  // A host that enrols is looked for by what it is.
  (table) => [
    index('nodes_fingerprint').on(table.fingerprint),
    index('nodes_machine_fingerprint').on(table.machineFingerprint),
  ],
);

/**
 * Of shard 0: the nodes of all other shards, as far as it must know them so that no host enrols twice and an id finds its
 * shard (docs/decisions/0010-shards.md). Its own nodes are in `nodes`.
 */
export const nodeDirectory = sqliteTable(
  'node_directory',
  {
    number: integer('number').primaryKey(),
    id: text('id').notNull().unique(),
    hostname: text('hostname').notNull(),
    fingerprint: text('fingerprint').notNull(),
    machineFingerprint: text('machine_fingerprint').notNull(),
    /** Of the newest enrolment: its key, the token that it gives, when it began, and whether the shard has yet to do its part. */
    keyId: text('key_id').notNull(),
    tokenId: text('token_id').notNull(),
    begunAtMs: integer('begun_at_ms').notNull(),
    pending: integer('pending', { mode: 'boolean' }).notNull(),
  },
  (table) => [
    index('node_directory_fingerprint').on(table.fingerprint),
    index('node_directory_machine_fingerprint').on(table.machineFingerprint),
  ],
);

/**
 * The hot table: one row per node and hour with its twelve windows (docs/decisions/0001). `key` is
 * `node number * 2^21 + hour index`, hour index = whole hours since 1970 (2^21 hours last until 2209).
 * A report is one row written; the hour keeps its twelve window energies for restatement without any packing job.
 */
export const nodeHours = sqliteTable('node_hours', {
  key: integer('key').primaryKey(),
  /** Guard of the read-merge-write: grows with each write. */
  version: integer('version').notNull(),
  /** When the newest change arrived; the node's last report without a write of its own. */
  receivedAtMs: integer('received_at_ms').notNull(),
  /** `shared/ledger/hour-codec.ts`: per window and epoch the revision and each device's and job's energies. */
  ledger: blob('ledger', { mode: 'buffer' }).notNull(),
  /** Power series of the windows 0..11, written once when each closes; null before, and again after the hot span. */
  series0: blob('series0', { mode: 'buffer' }),
  series1: blob('series1', { mode: 'buffer' }),
  series2: blob('series2', { mode: 'buffer' }),
  series3: blob('series3', { mode: 'buffer' }),
  series4: blob('series4', { mode: 'buffer' }),
  series5: blob('series5', { mode: 'buffer' }),
  series6: blob('series6', { mode: 'buffer' }),
  series7: blob('series7', { mode: 'buffer' }),
  series8: blob('series8', { mode: 'buffer' }),
  series9: blob('series9', { mode: 'buffer' }),
  series10: blob('series10', { mode: 'buffer' }),
  series11: blob('series11', { mode: 'buffer' }),
});

/** A node's devices by the small number that stands for them in its hours: ids and names are written once, not hourly. */
export const nodeDevices = sqliteTable(
  'node_devices',
  {
    nodeNumber: integer('node_number').notNull(),
    /** From 0, in order of first appearance; never reused. */
    deviceIndex: integer('device_index').notNull(),
    deviceId: text('device_id').notNull(),
    type: text('type', { enum: ['gpu', 'cpu', 'memory', 'other'] }).notNull(),
    name: text('name').notNull(),
    /** When it was first reported: before that nobody expected it to be metered. */
    firstSeenAtMs: integer('first_seen_at_ms').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.nodeNumber, table.deviceIndex] })],
);

/** A job by the small number that stands for it in the hours of every node it ran on. */
export const jobs = sqliteTable('jobs', {
  number: integer('number').primaryKey(),
  id: text('id').notNull().unique(),
  project: text('project'),
  user: text('user'),
  phase: text('phase'),
  firstSeenAtMs: integer('first_seen_at_ms').notNull(),
});

/** What could not be booked: kept whole, counted, visible, released or discarded by a person. */
export const quarantine = sqliteTable(
  'quarantine',
  {
    id: integer('id').primaryKey(),
    nodeNumber: integer('node_number').notNull(),
    windowStartMs: integer('window_start_ms').notNull(),
    epoch: text('epoch').notNull(),
    revision: integer('revision').notNull(),
    deviceId: text('device_id'),
    code: text('code').notNull(),
    detail: text('detail').notNull(),
    /** The `WindowReport` as it came, JSON. */
    report: text('report').notNull(),
    receivedAtMs: integer('received_at_ms').notNull(),
    resolution: text('resolution', { enum: ['released', 'discarded'] }),
    resolvedAtMs: integer('resolved_at_ms'),
    resolvedBy: text('resolved_by'),
  },
  (table) => [
    index('quarantine_node').on(table.nodeNumber, table.windowStartMs),
    // Only what waits for a person, which is what is listed and counted.
    index('quarantine_open').on(table.code).where(sql`resolution IS NULL`),
  ],
);

/** One intensity series: zone keys of Electricity Maps; basis, signal and scope are properties of the series. */
export const gridSeries = sqliteTable('grid_series', {
  id: integer('id').primaryKey(),
  gridZone: text('grid_zone').notNull(),
  basis: text('basis', { enum: ['lifecycle', 'direct'] }).notNull(),
  signal: text('signal', { enum: ['average', 'marginal'] }).notNull(),
  scope: text('scope', { enum: ['consumption', 'production'] }).notNull(),
  provider: text('provider').notNull(),
});

/** `key` = series id * 2^24 + whole 5-minute steps since 1970 (2^24 steps last until 2129). */
export const gridValues = sqliteTable('grid_values', {
  key: integer('key').primaryKey(),
  durationMs: integer('duration_ms').notNull(),
  gramsPerKwh: real('grams_per_kwh').notNull(),
  kind: text('kind', { enum: ['measured', 'estimated', 'forecast'] }).notNull(),
  method: text('method'),
  issuedAtMs: integer('issued_at_ms'),
  fetchedAtMs: integer('fetched_at_ms').notNull(),
});

/** Every value that was replaced: what it was, whole, what it became, when. */
export const gridRevisions = sqliteTable(
  'grid_revisions',
  {
    id: integer('id').primaryKey(),
    /** Key of `grid_values`. */
    valueKey: integer('value_key').notNull(),
    oldDurationMs: integer('old_duration_ms').notNull().default(300_000),
    oldGramsPerKwh: real('old_grams_per_kwh').notNull(),
    oldKind: text('old_kind').notNull(),
    oldMethod: text('old_method'),
    oldIssuedAtMs: integer('old_issued_at_ms'),
    oldFetchedAtMs: integer('old_fetched_at_ms').notNull(),
    newGramsPerKwh: real('new_grams_per_kwh').notNull(),
    newKind: text('new_kind').notNull(),
    recordedAtMs: integer('recorded_at_ms').notNull(),
  },
  // An answer as of an earlier instant, and a zone's list, read the revisions of some values alone.
  (table) => [index('grid_revisions_value').on(table.valueKey)],
);

/** How each provider stands for each zone: when to ask again, and what went wrong, visible in answers. */
export const gridFetches = sqliteTable(
  'grid_fetches',
  {
    provider: text('provider').notNull(),
    gridZone: text('grid_zone').notNull(),
    lastOkAtMs: integer('last_ok_at_ms'),
    lastErrorAtMs: integer('last_error_at_ms'),
    lastError: text('last_error'),
    consecutiveFailures: integer('consecutive_failures').notNull(),
    nextDueAtMs: integer('next_due_at_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.provider, table.gridZone] })],
);

/** The ledger of hardware: each part with its own in-service and out dates, by the inventory or the operator's word. */
export const parts = sqliteTable(
  'parts',
  {
    nodeNumber: integer('node_number').notNull(),
    /** As in the inventory; `chassis` and `power-supplies` for what no host reports. */
    partId: text('part_id').notNull(),
    type: text('type').notNull(),
    name: text('name').notNull(),
    capacityBytes: integer('capacity_bytes'),
    cores: integer('cores'),
    inServiceFromMs: integer('in_service_from_ms').notNull(),
    /** True where the date is the enrolment, not the operator's word. */
    inServiceAssumed: integer('in_service_assumed', { mode: 'boolean' }).notNull(),
    outOfServiceMs: integer('out_of_service_ms'),
    /** How many pieces, by the operator's word; null: not said. */
    count: real('count'),
    /** Since when it ages, where it came from another node; null: since it is in service here. */
    agesFromMs: integer('ages_from_ms'),
    /** Id of the part of this node that took its place, by the operator's word. */
    replacedBy: text('replaced_by'),
    /** Number of the node that it went to, with what is left of it. */
    movedTo: integer('moved_to'),
    /** Since when inventories lack it; null while they have it. No figure depends on it. */
    missingSinceMs: integer('missing_since_ms'),
    /** JSON: `[leftMs, returnedMs]` of each time that it was away and came back, in order. */
    absences: text('absences').notNull().default('[]'),
  },
  // By part: a GPU that another node reports is looked for by its UUID.
  (table) => [
    primaryKey({ columns: [table.nodeNumber, table.partId] }),
    index('parts_part').on(table.partId),
  ],
);
