CREATE INDEX `nodes_fingerprint` ON `nodes` (`fingerprint`);--> statement-breakpoint
CREATE INDEX `nodes_machine_fingerprint` ON `nodes` (`machine_fingerprint`);--> statement-breakpoint
CREATE INDEX `quarantine_open` ON `quarantine` (`code`) WHERE resolution IS NULL;--> statement-breakpoint
CREATE INDEX `tokens_node` ON `tokens` (`node_number`);