CREATE TABLE `alert_cursor` (
	`id` integer PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`cursor` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_episodes` (
	`number` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`rule_id` text NOT NULL,
	`rule_name` text NOT NULL,
	`severity` text NOT NULL,
	`kind` text NOT NULL,
	`scope` text NOT NULL,
	`instance` text NOT NULL,
	`start_ms` integer NOT NULL,
	`fired_at_ms` integer NOT NULL,
	`end_ms` integer,
	`resolved_at_ms` integer,
	`energy_millijoules` integer NOT NULL,
	`grams` real NOT NULL,
	`withdrawn` integer NOT NULL,
	`silenced` integer NOT NULL,
	`notified` integer NOT NULL,
	`summary` text NOT NULL,
	`text` text NOT NULL,
	`fields` text NOT NULL,
	`corrections` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alert_episodes_id_unique` ON `alert_episodes` (`id`);--> statement-breakpoint
CREATE INDEX `alert_episodes_rule` ON `alert_episodes` (`rule_id`);--> statement-breakpoint
CREATE INDEX `alert_episodes_open` ON `alert_episodes` (`number`) WHERE resolved_at_ms IS NULL;--> statement-breakpoint
CREATE TABLE `alert_late_hours` (
	`hour` integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_rules` (
	`number` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`name` text NOT NULL,
	`rule` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`changed_at_ms` integer NOT NULL,
	`changed_by` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alert_rules_id_unique` ON `alert_rules` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `alert_rules_name_unique` ON `alert_rules` (`name`);--> statement-breakpoint
CREATE TABLE `alert_silences` (
	`id` text PRIMARY KEY NOT NULL,
	`comment` text NOT NULL,
	`rule_names` text NOT NULL,
	`filter` text NOT NULL,
	`starts_at_ms` integer NOT NULL,
	`ends_at_ms` integer NOT NULL,
	`repeats` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`created_by` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_states` (
	`rule_number` integer PRIMARY KEY NOT NULL,
	`state` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_windows` (
	`key` integer PRIMARY KEY NOT NULL,
	`facts` text NOT NULL,
	`intensities` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_zone_days` (
	`grid_zone` text NOT NULL,
	`day` integer NOT NULL,
	`usual` text NOT NULL,
	`computed_at_ms` integer NOT NULL,
	PRIMARY KEY(`grid_zone`, `day`)
);
