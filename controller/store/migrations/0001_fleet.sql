CREATE TABLE devices (
	site           TEXT     NOT NULL,
	device         TEXT     NOT NULL,
	first_seen_ms  BIGINT   NOT NULL,
	last_seen_ms   BIGINT   NOT NULL,
	online         SMALLINT NOT NULL,
	boot           TEXT     NOT NULL,
	generation     BIGINT   NOT NULL,
	desired        TEXT     NOT NULL,
	info           TEXT     NOT NULL,
	state          TEXT     NOT NULL,
	telemetry      TEXT     NOT NULL,
	PRIMARY KEY (site, device)
);

CREATE TABLE events (
	site        TEXT   NOT NULL,
	device      TEXT   NOT NULL,
	seq         BIGINT NOT NULL,
	at_ms       BIGINT NOT NULL,
	received_ms BIGINT NOT NULL,
	event       TEXT   NOT NULL,
	PRIMARY KEY (site, device, seq, at_ms)
);

CREATE TABLE bundles (
	name           TEXT   NOT NULL,
	version        TEXT   NOT NULL,
	digest         TEXT   NOT NULL UNIQUE,
	envelope_bytes BIGINT NOT NULL,
	total_bytes    BIGINT NOT NULL,
	key_id         TEXT   NOT NULL,
	published_ms   BIGINT NOT NULL,
	published_by   TEXT   NOT NULL,
	PRIMARY KEY (name, version)
);

CREATE TABLE rollouts (
	id         TEXT   NOT NULL PRIMARY KEY,
	model      TEXT   NOT NULL,
	phase      TEXT   NOT NULL,
	started_ms BIGINT NOT NULL,
	state      TEXT   NOT NULL
);

CREATE UNIQUE INDEX one_running_rollout_per_model ON rollouts (model) WHERE phase = 'running';

CREATE TABLE audit (
	number BIGINT NOT NULL PRIMARY KEY,
	at_ms  BIGINT NOT NULL,
	who    TEXT   NOT NULL,
	what   TEXT   NOT NULL
);
