BEGIN TRANSACTION;
CREATE TABLE cases (
        id TEXT PRIMARY KEY, machine TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
        opened_at TEXT NOT NULL, summary TEXT NOT NULL, peak_score REAL, min_p_value REAL,
        evidence TEXT NOT NULL, sound_position_s REAL, acknowledged_at TEXT, acknowledged_by TEXT,
        returned_at TEXT, closed_at TEXT, silenced_until TEXT, severity INTEGER NOT NULL DEFAULT 1, assigned_to TEXT, finding TEXT, action TEXT, asset TEXT NOT NULL DEFAULT '{}');
INSERT INTO "cases" VALUES('0123456789abcdef0123456789abcdef','pump','machine','active-unacknowledged','2026-09-21T14:13:28.000Z','pump does not sound normal',9.0,1.0e-06,'{"levels": [1.0, 2.0]}',NULL,NULL,NULL,NULL,NULL,NULL,2,'ann',NULL,NULL,'{}');
INSERT INTO "cases" VALUES('fedcba9876543210fedcba9876543210','fan','sensor','closed','2026-09-21T14:13:28.000Z','fan: the microphone hears nothing',NULL,NULL,'{"status": "silent"}',NULL,NULL,NULL,NULL,'2026-09-21T14:13:20.000Z',NULL,1,NULL,NULL,NULL,'{}');
CREATE TABLE clip_access (
        id INTEGER PRIMARY KEY, clip_id TEXT NOT NULL, case_id TEXT NOT NULL, time TEXT NOT NULL,
        who TEXT NOT NULL, how TEXT NOT NULL, note TEXT NOT NULL);
INSERT INTO "clip_access" VALUES(1,'00000000000a','0123456789abcdef0123456789abcdef','2026-09-21T14:15:00.000Z','anna','play','');
CREATE TABLE clips (
        id TEXT PRIMARY KEY, case_id TEXT NOT NULL, machine TEXT NOT NULL, begin_s REAL NOT NULL,
        seconds REAL NOT NULL, content TEXT NOT NULL, folder TEXT NOT NULL, bytes INTEGER NOT NULL,
        removed_s REAL);
INSERT INTO "clips" VALUES('00000000000a','0123456789abcdef0123456789abcdef','pump',1789999988.0,30.0,'full','pump/00000000000a',1000,NULL);
CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, outbox_id INTEGER NOT NULL REFERENCES outbox (id),
        sink TEXT NOT NULL, lane TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending',
        attempts INTEGER NOT NULL DEFAULT 0, next_try_s REAL NOT NULL DEFAULT 0,
        finished_s REAL, error TEXT, UNIQUE (outbox_id, sink));
INSERT INTO "deliveries" VALUES(1,1,'plant','0123456789abcdef0123456789abcdef','pending',0,0.0,NULL,NULL);
INSERT INTO "deliveries" VALUES(2,2,'plant','fedcba9876543210fedcba9876543210','pending',0,0.0,NULL,NULL);
INSERT INTO "deliveries" VALUES(3,3,'plant','fedcba9876543210fedcba9876543210','pending',0,0.0,NULL,NULL);
CREATE TABLE events (
        id INTEGER PRIMARY KEY, time TEXT NOT NULL, event TEXT NOT NULL,
        machine TEXT, case_id TEXT, detail TEXT NOT NULL);
INSERT INTO "events" VALUES(1,'2026-09-21T14:13:20.000Z','state.changed','pump',NULL,'{"from": "OK", "to": "ALARM"}');
INSERT INTO "events" VALUES(2,'2026-09-21T14:13:20.000Z','case.opened','pump','0123456789abcdef0123456789abcdef','{}');
INSERT INTO "events" VALUES(3,'2026-09-21T14:13:20.000Z','case.opened','fan','fedcba9876543210fedcba9876543210','{}');
INSERT INTO "events" VALUES(4,'2026-09-21T14:13:20.000Z','case.closed','fan','fedcba9876543210fedcba9876543210','{"by": "anna", "note": ""}');
CREATE TABLE gaps (
        id INTEGER PRIMARY KEY, machine TEXT NOT NULL, begin_s REAL NOT NULL, end_s REAL NOT NULL,
        reason TEXT NOT NULL);
INSERT INTO "gaps" VALUES(1,'pump',1790000003.0,1790000004.0,'lost');
CREATE TABLE maintenance (
        id INTEGER PRIMARY KEY, machine TEXT NOT NULL, begin_s REAL NOT NULL, end_s REAL, ended_s REAL,
        who TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_s REAL NOT NULL);
INSERT INTO "migrations" VALUES(1,'scores, events, cases, outbox',1.79530749261711215975e+09);
INSERT INTO "migrations" VALUES(2,'minutes, states, gaps, clips',1.79608450276480102539e+09);
INSERT INTO "migrations" VALUES(3,'events by name, dead letters',1790000000.0);
INSERT INTO "migrations" VALUES(4,'severity, assignee, finding, append-only history',1790000000.0);
INSERT INTO "migrations" VALUES(5,'asset facts, maintenance, messages that wait',1790000000.0);
INSERT INTO "migrations" VALUES(6,'deliveries by case',1.79613282370189166065e+09);
CREATE TABLE minutes (
        machine TEXT NOT NULL, minute_s INTEGER NOT NULL, seconds INTEGER NOT NULL, scored INTEGER NOT NULL,
        score_mean REAL, score_max REAL, p_value_min REAL, watch_s INTEGER NOT NULL, alarm_s INTEGER NOT NULL,
        PRIMARY KEY (machine, minute_s)) WITHOUT ROWID;
INSERT INTO "minutes" VALUES('pump',1789999980,10,9,1.16666666666666674068e+00,2.25,0.05,0,2);
CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE,
        case_id TEXT, queued_s REAL NOT NULL, body TEXT NOT NULL);
INSERT INTO "outbox" VALUES(1,'3ed7f95e11c1408f84ccc32518b1e260','0123456789abcdef0123456789abcdef',1790000000.0,'{"version":1,"id":"3ed7f95e11c1408f84ccc32518b1e260","event":"case.opened","time":"2026-09-21T14:13:20.000Z","machine":"pump","state":null,"score":null,"p_value":null,"groups":[],"case":{"machine":"pump","kind":"machine","opened_at":"2026-09-21T14:13:28.000Z","summary":"pump does not sound normal","peak_score":9.0,"min_p_value":1e-06,"evidence":{"levels":[1.0,2.0]},"sound_position_s":null,"id":"0123456789abcdef0123456789abcdef","state":"active-unacknowledged","acknowledged_at":null,"acknowledged_by":null,"returned_at":null,"closed_at":null,"silenced_until":null}}');
INSERT INTO "outbox" VALUES(2,'d5ed0cf289d3484c8e8319c5e915f8c0','fedcba9876543210fedcba9876543210',1790000000.0,'{"version":1,"id":"d5ed0cf289d3484c8e8319c5e915f8c0","event":"case.opened","time":"2026-09-21T14:13:20.000Z","machine":"fan","state":null,"score":null,"p_value":null,"groups":[],"case":{"machine":"fan","kind":"sensor","opened_at":"2026-09-21T14:13:28.000Z","summary":"fan: the microphone hears nothing","peak_score":null,"min_p_value":null,"evidence":{"status":"silent"},"sound_position_s":null,"id":"fedcba9876543210fedcba9876543210","state":"active-unacknowledged","acknowledged_at":null,"acknowledged_by":null,"returned_at":null,"closed_at":null,"silenced_until":null}}');
INSERT INTO "outbox" VALUES(3,'50b42ef5fec34d69ac17f1ad8b829d90','fedcba9876543210fedcba9876543210',1790000000.0,'{"version":1,"id":"50b42ef5fec34d69ac17f1ad8b829d90","event":"case.closed","time":"2026-09-21T14:13:20.000Z","machine":"fan","state":null,"score":null,"p_value":null,"groups":[],"case":{"machine":"fan","kind":"sensor","opened_at":"2026-09-21T14:13:28.000Z","summary":"fan: the microphone hears nothing","peak_score":null,"min_p_value":null,"evidence":{"status":"silent"},"sound_position_s":null,"id":"fedcba9876543210fedcba9876543210","state":"closed","acknowledged_at":null,"acknowledged_by":null,"returned_at":null,"closed_at":"2026-09-21T14:13:20.000Z","silenced_until":null}}');
CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO "progress" VALUES('minutes',10);
CREATE TABLE scores (
        machine TEXT NOT NULL, time_s REAL NOT NULL, second INTEGER NOT NULL,
        score REAL, p_value REAL, state TEXT NOT NULL);
INSERT INTO "scores" VALUES('pump',1790000000.0,0,0.0,0.5,'OK');
INSERT INTO "scores" VALUES('pump',1790000001.0,1,0.25,0.25,'OK');
INSERT INTO "scores" VALUES('pump',1790000002.0,2,0.5,1.66666666666666657414e-01,'OK');
INSERT INTO "scores" VALUES('pump',1790000003.0,3,NULL,NULL,'OK');
INSERT INTO "scores" VALUES('pump',1790000004.0,4,1.0,0.1,'OK');
INSERT INTO "scores" VALUES('pump',1790000005.0,5,1.25,8.33333333333333287074e-02,'OK');
INSERT INTO "scores" VALUES('pump',1790000006.0,6,1.5,7.14285714285714246063e-02,'OK');
INSERT INTO "scores" VALUES('pump',1790000007.0,7,1.75,0.0625,'OK');
INSERT INTO "scores" VALUES('pump',1790000008.0,8,2.0,5.55555555555555524716e-02,'ALARM');
INSERT INTO "scores" VALUES('pump',1790000009.0,9,2.25,0.05,'ALARM');
CREATE TABLE sinks (name TEXT PRIMARY KEY, since_s REAL NOT NULL);
INSERT INTO "sinks" VALUES('plant',1790000000.0);
CREATE TABLE states (
        id INTEGER PRIMARY KEY, machine TEXT NOT NULL, kind TEXT NOT NULL, time_s REAL NOT NULL,
        state TEXT NOT NULL);
INSERT INTO "states" VALUES(1,'pump','decision',1790000008.0,'ALARM');
CREATE INDEX scores_by_time ON scores (machine, time_s);
CREATE INDEX events_by_case ON events (case_id);
CREATE UNIQUE INDEX one_open_case ON cases (machine, kind) WHERE state != 'closed';
CREATE INDEX cases_by_time ON cases (opened_at);
CREATE INDEX deliveries_pending ON deliveries (sink, lane, outbox_id) WHERE status = 'pending';
CREATE INDEX states_by_time ON states (machine, kind, time_s);
CREATE INDEX gaps_by_time ON gaps (machine, begin_s);
CREATE INDEX clips_by_case ON clips (case_id);
CREATE INDEX events_by_time ON events (time);
CREATE INDEX events_by_name ON events (machine, event, time);
CREATE INDEX deliveries_dead ON deliveries (sink) WHERE status = 'dead';
CREATE TRIGGER history_is_not_rewritten BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER history_of_open_cases_is_kept BEFORE DELETE ON events
        WHEN EXISTS (SELECT 1 FROM cases WHERE id = old.case_id AND state != 'closed')
        BEGIN SELECT RAISE(ABORT, 'the events of an open case are append-only'); END;
CREATE INDEX deliveries_waiting ON deliveries (sink, outbox_id) WHERE status = 'pending';
CREATE UNIQUE INDEX one_maintenance ON maintenance (machine) WHERE ended_s IS NULL;
CREATE INDEX deliveries_by_case ON deliveries (lane, sink);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('deliveries',3);
INSERT INTO "sqlite_sequence" VALUES('outbox',3);
COMMIT;
