ALTER TABLE `periods` ADD `last_change_id` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `periods` SET `last_change_id` = (SELECT COALESCE(MAX(`id`), 0) FROM `changes` WHERE `recorded_at_ms` <= `closed_at_ms`);
