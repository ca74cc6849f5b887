-- Standalone Sentries with their versions, TLS certificates and trusted roots.

-- `settings` is the current version; every version lies in sentry_profile_versions as well.
create table sentry_profiles (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  version int not null default 1,
  settings jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sentry_profile_name unique (name)
);

create table sentry_profile_versions (
  profile_id uuid not null references sentry_profiles (id) on delete cascade,
  version int not null,
  settings jsonb not null,
  at timestamptz not null,
  author_kind text not null,
  author_id text,
  author_name text not null,
  note text,
  restored_from int,
  primary key (profile_id, version)
);
create function sentry_profile_version_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'a version of a Standalone Sentry does not change';
end
$$;
create trigger sentry_profile_version_final before update on sentry_profile_versions
  for each row execute function sentry_profile_version_is_final();

-- `issued_for`: Core made it for that profile and renews it; it goes with the profile.
create table certificates (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  version int not null default 1,
  source text not null check (source in ('uploaded', 'requested', 'issued')),
  issued_for uuid unique references sentry_profiles (id),
  key_id uuid not null references secrets (id),
  request_pem text,
  chain_pem text,
  not_after timestamptz,
  findings jsonb not null default '[]',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint certificate_name unique (name),
  check ((source = 'issued') = (issued_for is not null)),
  check ((chain_pem is null) = (not_after is null))
);

create table trusted_roots (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  version int not null default 1,
  purpose text not null check (purpose in ('device', 'upstream')),
  pem text not null,
  not_after timestamptz not null,
  crl_pem text,
  crl_this_update timestamptz,
  crl_next_update timestamptz,
  crl_revoked int,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint trusted_root_name unique (name)
);

-- What the current version of a profile refers to: neither can be removed meanwhile.
create table sentry_profile_certificates (
  profile_id uuid not null references sentry_profiles (id) on delete cascade,
  certificate_id uuid not null references certificates (id),
  primary key (profile_id, certificate_id)
);
create index sentry_profile_certificates_used on sentry_profile_certificates (certificate_id);
create table sentry_profile_roots (
  profile_id uuid not null references sentry_profiles (id) on delete cascade,
  root_id uuid not null references trusted_roots (id),
  primary key (profile_id, root_id)
);
create index sentry_profile_roots_used on sentry_profile_roots (root_id);

-- The authority of Core's own certificates for Sentries; made when first needed.
create table device_authority (
  one boolean primary key default true check (one),
  certificate_pem text not null,
  key_id uuid not null references secrets (id)
);
