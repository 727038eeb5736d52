CREATE TABLE records (
    tbl     TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;

CREATE TABLE journal (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT    NOT NULL,
    at     INTEGER NOT NULL, -- milliseconds since the Unix epoch
    body   TEXT    NOT NULL
);

CREATE INDEX journal_by_stream ON journal (stream, seq);
