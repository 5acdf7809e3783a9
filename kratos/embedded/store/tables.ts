/** The whole database. Times are in milliseconds. Created if missing, also in an existing file. */
export const TABLES = `
CREATE TABLE IF NOT EXISTS identities (
  id TEXT PRIMARY KEY, schema_id TEXT NOT NULL, external_id TEXT UNIQUE, state TEXT NOT NULL,
  state_changed_at REAL NOT NULL, traits TEXT NOT NULL, metadata_public TEXT NOT NULL, metadata_admin TEXT NOT NULL,
  created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS organizations (
  identity_id TEXT PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE, organization_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS credentials (
  identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE, type TEXT NOT NULL, config TEXT NOT NULL,
  version INTEGER NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (identity_id, type)
);
CREATE TABLE IF NOT EXISTS identifiers (
  type TEXT NOT NULL, identifier TEXT NOT NULL, identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  position INTEGER NOT NULL, PRIMARY KEY (type, identifier)
);
CREATE INDEX IF NOT EXISTS identifiers_of ON identifiers (identity_id);
CREATE TABLE IF NOT EXISTS verifiable_addresses (
  id TEXT PRIMARY KEY, identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE, value TEXT NOT NULL,
  via TEXT NOT NULL, verified INTEGER NOT NULL, status TEXT NOT NULL, verified_at REAL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL, UNIQUE (via, value)
);
CREATE INDEX IF NOT EXISTS verifiable_addresses_of ON verifiable_addresses (identity_id);
CREATE TABLE IF NOT EXISTS recovery_addresses (
  id TEXT PRIMARY KEY, identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE, value TEXT NOT NULL,
  via TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, UNIQUE (via, value)
);
CREATE INDEX IF NOT EXISTS recovery_addresses_of ON recovery_addresses (identity_id);
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  token TEXT NOT NULL UNIQUE, logout_token TEXT NOT NULL, active INTEGER NOT NULL, aal TEXT NOT NULL,
  methods TEXT NOT NULL, issued_at REAL NOT NULL, authenticated_at REAL NOT NULL, expires_at REAL NOT NULL,
  created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_of ON sessions (identity_id);
CREATE TABLE IF NOT EXISTS devices (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, ip_address TEXT,
  user_agent TEXT, location TEXT, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS devices_of ON devices (session_id);
CREATE TABLE IF NOT EXISTS flows (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, expires_at REAL NOT NULL, data TEXT NOT NULL,
  submit_count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS errors (
  id TEXT PRIMARY KEY, error TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS continuity (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, identity_id TEXT NOT NULL, payload TEXT NOT NULL, expires_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS codes (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, flow_id TEXT NOT NULL,
  identity_id TEXT REFERENCES identities (id) ON DELETE CASCADE, address TEXT NOT NULL, via TEXT NOT NULL,
  secret TEXT NOT NULL, used INTEGER NOT NULL, expires_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS codes_of ON codes (flow_id);
CREATE TABLE IF NOT EXISTS token_exchanges (
  flow_id TEXT NOT NULL, init_code TEXT PRIMARY KEY, return_to_code TEXT NOT NULL, session_id TEXT
);
CREATE INDEX IF NOT EXISTS token_exchanges_of ON token_exchanges (flow_id);
CREATE TABLE IF NOT EXISTS messages (
  id TEXT PRIMARY KEY, status TEXT NOT NULL, type TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL,
  subject TEXT NOT NULL, body TEXT NOT NULL, template TEXT NOT NULL, send_count INTEGER NOT NULL,
  created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS message_contents (
  message_id TEXT PRIMARY KEY, html TEXT NOT NULL, data TEXT NOT NULL, headers TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS dispatches (
  id TEXT PRIMARY KEY, message_id TEXT NOT NULL, error TEXT NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS dispatches_of ON dispatches (message_id);
`
