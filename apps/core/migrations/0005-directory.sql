-- Users, their devices, the devices' certificates, labels, and what posture follows from.

-- Finds text within text by index; part of every PostgreSQL package ("contrib").
create extension if not exists pg_trgm;

-- A version as text that sorts: each number padded, zeros at the end dropped, so that 17 and 17.0 are one.
create function version_key(version text) returns text language sql immutable strict parallel safe as $$
  select regexp_replace(
    coalesce(string_agg(lpad(left(part[1], 8), 8, '0'), '.' order by n), ''), '(\.00000000)+$', '')
  from regexp_matches(version, '\d+', 'g') with ordinality as found (part, n)
$$;

-- Each text in lower case, in its order.
create function folded(texts text[]) returns text[] language sql immutable strict parallel safe as $$
  select coalesce(array_agg(lower(t) order by n), '{}') from unnest(texts) with ordinality as u (t, n)
$$;

-- The texts as one, for searching.
create function joined(texts text[]) returns text language sql immutable strict parallel safe as $$
  select coalesce(string_agg(t, ' ' order by n), '') from unnest(texts) with ordinality as u (t, n)
$$;

-- `search`, here and in devices: every text after a space, so that a short word is found where a word begins.
create table users (
  id uuid primary key default gen_random_uuid(),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  user_name text not null,
  user_key text not null generated always as (lower(user_name)) stored,
  user_id text not null default '',
  email text not null default '',
  first_name text not null default '',
  last_name text not null default '',
  display_name text not null default '',
  custom1 text not null default '',
  custom2 text not null default '',
  custom3 text not null default '',
  custom4 text not null default '',
  disabled boolean not null default false,
  disabled_at timestamptz,
  blocked_at timestamptz,
  blocked_by text,
  blocked_note text,
  search text not null generated always as (
    lower(' ' || user_name || ' ' || user_id || ' ' || email || ' ' || first_name || ' ' || last_name || ' ' || display_name)
  ) stored,
  unique (id, user_name, display_name),
  check ((blocked_at is null) = (blocked_by is null)),
  check (disabled = (disabled_at is not null))
);
create unique index users_by_name on users (user_key);
create index users_by_text on users using gin (search gin_trgm_ops);

-- `user_name` and `user_display_name` are the user's own, kept equal by the foreign key: lists sort and search by them.
create table devices (
  id uuid primary key default gen_random_uuid(),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  user_id uuid not null,
  user_name text not null,
  user_display_name text not null,
  name text not null,
  platform text not null check (platform in ('iOS', 'Android', 'other')),
  model text not null default '',
  os_version text not null default '',
  os_version_key text collate "C" not null generated always as (version_key(os_version)) stored,
  serial text not null default '',
  udid text not null default '',
  uuid text not null default '',
  ownership text not null check (ownership in ('company', 'employee')),
  eas_device_ids text[] not null default '{}',
  eas_keys text[] not null generated always as (folded(eas_device_ids)) stored,
  requires_identity boolean not null default true,
  state text not null check (state in ('enrolling', 'active', 'checkedOut', 'retired', 'wiped')),
  state_since timestamptz not null default now(),
  last_check_in timestamptz,
  facts jsonb not null default '{}',
  retired_by text,
  retired_note text,
  wipe_at timestamptz,
  wipe_by text,
  wipe_note text,
  name_key text not null generated always as (lower(name)) stored,
  user_key text not null generated always as (lower(user_name)) stored,
  search text not null generated always as (
    lower(' ' || name || ' ' || user_name || ' ' || user_display_name || ' ' || serial || ' ' || model || ' ' || udid || ' '
      || uuid || ' ' || joined(eas_device_ids))
  ) stored,
  constraint devices_user foreign key (user_id, user_name, user_display_name)
    references users (id, user_name, display_name) on update cascade
);
create index devices_by_platform on devices (platform, name_key, id);
create index devices_by_state on devices (state) where state <> 'active';
create index devices_by_user_id on devices (user_id);
create index devices_by_name on devices (name_key, id);
create index devices_by_user on devices (user_key, id);
create index devices_by_check_in on devices (coalesce(last_check_in, timestamptz 'epoch'), id);
create index devices_by_os_version on devices (os_version_key, id);
create index devices_by_eas_id on devices using gin (eas_keys);
create index devices_by_text on devices using gin (search gin_trgm_ops);

-- Certificates of devices. One belongs to one device for ever; a revoked one stays revoked.
create table identities (
  id uuid primary key default gen_random_uuid(),
  device_id uuid not null references devices (id) on delete cascade,
  fingerprint text not null check (fingerprint ~ '^sha256:[0-9a-f]{64}$'),
  subject text not null default '',
  issuer text not null default '',
  serial text not null default '',
  not_before timestamptz not null,
  not_after timestamptz not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  revoked_by text,
  revoked_note text,
  check (not_before < not_after)
);
create unique index identities_by_fingerprint on identities (fingerprint);
create index identities_by_device on identities (device_id);

-- Decisions by hand: one of each source (`device`, `association:<id>`) for a device.
create table posture_overrides (
  device_id uuid not null references devices (id) on delete cascade,
  source text not null check (source = 'device' or source like 'association:%'),
  kind text not null check (kind in ('allow', 'block')),
  note text not null,
  actor text not null,
  at timestamptz not null,
  expires_at timestamptz,
  primary key (device_id, source)
);
create index posture_overrides_by_source on posture_overrides (source) where source <> 'device';

-- What was decided last. `next_change`: when it must be decided again though nothing happens.
create table device_posture (
  device_id uuid primary key references devices (id) on delete cascade,
  decision text not null check (decision in ('allow', 'block', 'wipe')),
  reasons jsonb not null,
  next_change timestamptz,
  at timestamptz not null
);
create index device_posture_by_time on device_posture (next_change) where next_change is not null;
create index device_posture_by_decision on device_posture (decision) where decision <> 'allow';

create table labels (
  id uuid primary key default gen_random_uuid(),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  name text not null,
  name_key text not null generated always as (lower(name)) stored,
  description text not null default '',
  kind text not null check (kind in ('manual', 'filter')),
  filter text,
  built_in boolean not null default false,
  check ((kind = 'filter') = (filter is not null))
);
create unique index labels_by_name on labels (name_key);

-- Members of every label. Those of filter labels are worked out when a device, its user or the filter changes.
create table label_members (
  label_id uuid not null references labels (id) on delete cascade,
  device_id uuid not null references devices (id) on delete cascade,
  primary key (label_id, device_id)
);
create index label_members_by_device on label_members (device_id, label_id);

insert into labels (name, description, kind, filter, built_in) values
  ('All-Smartphones', 'Every phone and tablet that is not retired', 'filter',
    '"common.platform" IN ("iOS", "Android") AND "common.retired" = false', true),
  ('iOS', 'Every iPhone and iPad that is not retired', 'filter',
    '"common.platform" = "iOS" AND "common.retired" = false', true),
  ('Android', 'Every Android device that is not retired', 'filter',
    '"common.platform" = "Android" AND "common.retired" = false', true),
  ('Company-Owned', 'Every device of the company that is not retired', 'filter',
    '"common.owner" = "company" AND "common.retired" = false', true),
  ('Employee-Owned', 'Every device of an employee that is not retired', 'filter',
    '"common.owner" = "employee" AND "common.retired" = false', true);
