ALTER TABLE `fleet_pace` ADD `default_seconds` integer;--> statement-breakpoint
ALTER TABLE `fleet_pace` DROP COLUMN `changed_at_ms`;