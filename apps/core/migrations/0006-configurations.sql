-- Exchange and Email+ configurations, every version of them, and the labels that they are applied to.

-- `settings` is whole: every field is there. Name and Standalone Sentry are read out of it, so that they cannot differ.
create table configurations (
  id uuid primary key default gen_random_uuid(),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  kind text not null check (kind in ('exchange', 'emailPlus')),
  settings jsonb not null,
  name text not null generated always as (settings ->> 'name') stored,
  name_key text not null generated always as (lower(settings ->> 'name')) stored,
  sentry_profile_id uuid generated always as ((settings ->> 'sentryProfileId')::uuid) stored references sentry_profiles (id)
);
create unique index configurations_by_name on configurations (kind, name_key);
create index configurations_in_order on configurations (name_key, id);
create index configurations_by_profile on configurations (sentry_profile_id);

-- One row for each save. A row is never changed; it goes with its configuration.
create table configuration_versions (
  configuration_id uuid not null references configurations (id) on delete cascade,
  version int not null,
  settings jsonb not null,
  at timestamptz not null,
  by_name text not null,
  restored_from int,
  primary key (configuration_id, version)
);
create function configuration_versions_are_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'a version of a configuration never changes';
end
$$;
create trigger configuration_versions_immutable before update on configuration_versions
  for each statement execute function configuration_versions_are_immutable();

-- A label that a configuration is applied to stays until it is withdrawn.
create table configuration_labels (
  configuration_id uuid not null references configurations (id),
  label_id uuid not null references labels (id),
  at timestamptz not null,
  primary key (configuration_id, label_id)
);
create index configuration_labels_by_label on configuration_labels (label_id);
