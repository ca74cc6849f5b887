-- ActiveSync associations: one user on one mail client, as Sentries saw them, and what was decided about them by hand.

-- `user_name` empty: nobody was named. `user_key`, `eas_key`: as Sentries compare them. `request_counts`: what each Sentry told last, since it counts from its own start.
create table associations (
  id uuid primary key default gen_random_uuid(),
  user_name text not null,
  user_key text not null,
  eas_device_id text not null,
  eas_key text not null,
  device_type text,
  user_agent text,
  protocol_version text,
  certificate text,
  device_id uuid references devices (id) on delete cascade,
  linked_by text check (linked_by in ('certificate', 'easDeviceId', 'hand')),
  decision text not null check (decision in ('allow', 'refuse', 'report')),
  reasons text[] not null,
  wipe_phase text check (wipe_phase in ('directive-sent', 'acknowledged')),
  wipe_at timestamptz,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  sentry_id uuid references sentries (id) on delete set null,
  requests bigint not null,
  request_counts jsonb not null default '{}',
  override_kind text check (override_kind in ('allow', 'block')),
  override_note text,
  override_by text,
  override_at timestamptz,
  override_expires_at timestamptz,
  search text not null generated always as (
    lower(user_name || ' ' || eas_device_id || ' ' || coalesce(device_type, '') || ' ' || coalesce(user_agent, ''))
  ) stored,
  check ((device_id is null) = (linked_by is null)),
  check ((wipe_phase is null) = (wipe_at is null)),
  check ((override_kind is null) = (override_at is null))
);
create unique index associations_by_key on associations (user_key, eas_key);
create index associations_by_eas_key on associations (eas_key);
create index associations_by_last_seen on associations (last_seen, id);
create index associations_by_device on associations (device_id);
create index associations_unlinked on associations (last_seen) where device_id is null and override_kind is null;
create index associations_by_expiry on associations (override_expires_at) where override_expires_at is not null;
create index associations_by_text on associations using gin (search gin_trgm_ops);
