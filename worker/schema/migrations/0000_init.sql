CREATE TABLE `enrolment_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`secret_sha256` text NOT NULL,
	`label` text NOT NULL,
	`site_id` text NOT NULL,
	`labels` text NOT NULL,
	`max_uses` integer,
	`uses` integer NOT NULL,
	`on_known_host` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`expires_at_ms` integer,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE TABLE `grid_fetches` (
	`provider` text NOT NULL,
	`grid_zone` text NOT NULL,
	`last_ok_at_ms` integer,
	`last_error_at_ms` integer,
	`last_error` text,
	`consecutive_failures` integer NOT NULL,
	`next_due_at_ms` integer NOT NULL,
	PRIMARY KEY(`provider`, `grid_zone`)
);
--> statement-breakpoint
CREATE TABLE `grid_revisions` (
	`id` integer PRIMARY KEY NOT NULL,
	`value_key` integer NOT NULL,
	`old_grams_per_kwh` real NOT NULL,
	`old_kind` text NOT NULL,
	`old_fetched_at_ms` integer NOT NULL,
	`new_grams_per_kwh` real NOT NULL,
	`new_kind` text NOT NULL,
	`recorded_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `grid_series` (
	`id` integer PRIMARY KEY NOT NULL,
	`grid_zone` text NOT NULL,
	`basis` text NOT NULL,
	`signal` text NOT NULL,
	`scope` text NOT NULL,
	`provider` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `grid_values` (
	`key` integer PRIMARY KEY NOT NULL,
	`duration_ms` integer NOT NULL,
	`grams_per_kwh` real NOT NULL,
	`kind` text NOT NULL,
	`method` text,
	`issued_at_ms` integer,
	`fetched_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `jobs` (
	`number` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`project` text,
	`user` text,
	`phase` text,
	`first_seen_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_id_unique` ON `jobs` (`id`);--> statement-breakpoint
CREATE TABLE `node_devices` (
	`node_number` integer NOT NULL,
	`device_index` integer NOT NULL,
	`device_id` text NOT NULL,
	`type` text NOT NULL,
	`name` text NOT NULL,
	PRIMARY KEY(`node_number`, `device_index`)
);
--> statement-breakpoint
CREATE TABLE `node_hours` (
	`key` integer PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`received_at_ms` integer NOT NULL,
	`ledger` blob NOT NULL,
	`series0` blob,
	`series1` blob,
	`series2` blob,
	`series3` blob,
	`series4` blob,
	`series5` blob,
	`series6` blob,
	`series7` blob,
	`series8` blob,
	`series9` blob,
	`series10` blob,
	`series11` blob
);
--> statement-breakpoint
CREATE TABLE `nodes` (
	`number` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`hostname` text NOT NULL,
	`labels` text NOT NULL,
	`fingerprint` text NOT NULL,
	`machine_fingerprint` text NOT NULL,
	`enrolled_at_ms` integer NOT NULL,
	`simulated` integer NOT NULL,
	`agent_version` text NOT NULL,
	`inventory` text,
	`inventory_at_ms` integer,
	`health` text,
	`health_at_ms` integer,
	`retired_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `nodes_id_unique` ON `nodes` (`id`);--> statement-breakpoint
CREATE TABLE `parts` (
	`node_number` integer NOT NULL,
	`part_id` text NOT NULL,
	`type` text NOT NULL,
	`name` text NOT NULL,
	`capacity_bytes` integer,
	`cores` integer,
	`in_service_from_ms` integer NOT NULL,
	`in_service_assumed` integer NOT NULL,
	`out_of_service_ms` integer,
	PRIMARY KEY(`node_number`, `part_id`)
);
--> statement-breakpoint
CREATE TABLE `quarantine` (
	`id` integer PRIMARY KEY NOT NULL,
	`node_number` integer NOT NULL,
	`window_start_ms` integer NOT NULL,
	`epoch` text NOT NULL,
	`revision` integer NOT NULL,
	`device_id` text,
	`code` text NOT NULL,
	`detail` text NOT NULL,
	`report` text NOT NULL,
	`received_at_ms` integer NOT NULL,
	`resolution` text,
	`resolved_at_ms` integer,
	`resolved_by` text
);
--> statement-breakpoint
CREATE INDEX `quarantine_node` ON `quarantine` (`node_number`,`window_start_ms`);--> statement-breakpoint
CREATE TABLE `settings` (
	`id` integer PRIMARY KEY NOT NULL,
	`subject` text NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	`effective_from_ms` integer NOT NULL,
	`recorded_at_ms` integer NOT NULL,
	`recorded_by` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `settings_subject` ON `settings` (`subject`);--> statement-breakpoint
CREATE TABLE `sites` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`secret_sha256` text NOT NULL,
	`scope` text NOT NULL,
	`label` text NOT NULL,
	`node_number` integer,
	`created_at_ms` integer NOT NULL,
	`revoked_at_ms` integer
);
