ALTER TABLE rollouts ADD COLUMN number BIGINT NOT NULL DEFAULT 0;

UPDATE rollouts SET number = (
	SELECT COUNT(*) FROM rollouts AS o
	WHERE o.started_ms < rollouts.started_ms OR (o.started_ms = rollouts.started_ms AND o.id <= rollouts.id)
);

ALTER TABLE events ADD COLUMN number BIGINT NOT NULL DEFAULT 0;

UPDATE events SET number = (
	SELECT COUNT(*) FROM events AS o
	WHERE o.site = events.site AND o.device = events.device AND (
		o.received_ms < events.received_ms
		OR (o.received_ms = events.received_ms AND o.seq < events.seq)
		OR (o.received_ms = events.received_ms AND o.seq = events.seq AND o.at_ms <= events.at_ms))
);
