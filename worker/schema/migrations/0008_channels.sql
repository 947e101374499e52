CREATE TABLE `alert_channels` (
	`id` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`config` text NOT NULL,
	`enabled` integer NOT NULL,
	`disabled_reason` text,
	`created_at_ms` integer NOT NULL,
	`changed_at_ms` integer NOT NULL,
	`changed_by` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_deliveries` (
	`number` integer PRIMARY KEY NOT NULL,
	`notification_id` text NOT NULL,
	`channel_id` text NOT NULL,
	`episode_id` text NOT NULL,
	`notification` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer NOT NULL,
	`next_attempt_at_ms` integer NOT NULL,
	`last_status` integer,
	`last_outcome` text,
	`enqueued_at_ms` integer NOT NULL,
	`last_attempt_at_ms` integer,
	`finished_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alert_deliveries_once` ON `alert_deliveries` (`notification_id`,`channel_id`);--> statement-breakpoint
CREATE INDEX `alert_deliveries_pending` ON `alert_deliveries` (`channel_id`,`episode_id`,`number`) WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX `alert_deliveries_due` ON `alert_deliveries` (`channel_id`,`next_attempt_at_ms`) WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX `alert_deliveries_channel` ON `alert_deliveries` (`channel_id`,`state`,`number`);--> statement-breakpoint
CREATE INDEX `alert_deliveries_finished` ON `alert_deliveries` (`finished_at_ms`) WHERE finished_at_ms IS NOT NULL;