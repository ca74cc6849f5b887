-- Registered Sentries, their keys, and what each of them said last.

-- The CA that signs for Sentries and for Core's own listeners towards them. Its key is a secret of the vault.
create table service_authority (
  one boolean primary key default true check (one),
  certificate_pem text not null,
  key_secret uuid not null references secrets (id),
  created_at timestamptz not null default now()
);

-- `token_hash`: SHA-256 of the one-time secret; null when there is none or it was used.
create table sentries (
  id uuid primary key default gen_random_uuid(),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  name text not null check (char_length(name) between 1 and 64),
  profile_id uuid references sentry_profiles (id),
  local boolean not null default false,
  adopts_first_profile boolean not null default false,
  token_hash bytea unique check (octet_length(token_hash) = 32),
  token_expires_at timestamptz,
  registered_at timestamptz,
  revoked_at timestamptz,
  check ((token_hash is null) = (token_expires_at is null))
);
create unique index sentries_by_name on sentries (lower(name));
create unique index sentries_local on sentries (local) where local;
create index sentries_by_profile on sentries (profile_id);

-- Public keys that a Sentry may present: one, or two between a renewal and the first use of the new one. A key belongs to
-- one Sentry only. `good_until`: set when a newer one was signed.
create table sentry_keys (
  fingerprint text primary key check (fingerprint ~ '^sha256:[0-9a-f]{64}$'),
  sentry_id uuid not null references sentries (id) on delete cascade,
  serial text not null,
  not_after timestamptz not null,
  created_at timestamptz not null default now(),
  used_at timestamptz,
  good_until timestamptz
);
create index sentry_keys_by_sentry on sentry_keys (sentry_id);

-- What changes while a Sentry runs. No version: nobody edits it. `stream_*`: the stream that Core counts as the Sentry's.
create table sentry_states (
  sentry_id uuid primary key references sentries (id) on delete cascade,
  software_version text,
  schemas int[],
  feed_schema int,
  stream_id uuid,
  stream_since timestamptz,
  stream_seen_at timestamptz,
  last_seen_at timestamptz,
  offered_etag text,
  offered_version int,
  not_served jsonb not null default '[]',
  applied_etag text,
  applied_version int,
  refused_etag text,
  refused_version int,
  refused_problems jsonb,
  posture_epoch text,
  posture_seq bigint,
  reported_at timestamptz,
  health jsonb
);
