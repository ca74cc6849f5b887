-- Administrators, their roles, sessions and API tokens, and how they sign in.

create table administrators (
  id uuid primary key default gen_random_uuid(),
  version int not null default 1,
  kind text not null check (kind in ('local', 'oidc', 'break-glass')),
  user_name text not null,
  display_name text not null,
  disabled boolean not null default false,
  -- PHC string of argon2id. Null: nobody signs in with a password here.
  password text,
  password_at timestamptz,
  totp_secret_id uuid references secrets (id),
  -- Number of the last code that was used; none before it, nor itself, is good again.
  totp_last_step bigint not null default 0,
  -- Until somebody has set password and authenticator: the invitation, and what was set so far.
  invitation_hash bytea unique,
  invitation_expires_at timestamptz,
  draft_password text,
  draft_totp_secret_id uuid references secrets (id),
  oidc_issuer text,
  oidc_subject text,
  last_sign_in_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((kind = 'oidc') = (oidc_issuer is not null and oidc_subject is not null)),
  check (kind = 'local' or totp_secret_id is null),
  check (kind <> 'oidc' or password is null)
);
create unique index administrators_by_user_name on administrators (lower(user_name)) where kind <> 'oidc';
create unique index administrators_by_subject on administrators (oidc_issuer, oidc_subject);

-- Permissions of built-in roles are the release's, not the database's.
create table roles (
  id text primary key default gen_random_uuid()::text,
  version int not null default 1,
  name text not null,
  built_in boolean not null default false,
  permissions jsonb not null default '[]',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index roles_by_name on roles (lower(name));
insert into roles (id, name, built_in) values
  ('super-administrator', 'Super administrator', true),
  ('mail-administrator', 'Mail administrator', true),
  ('help-desk', 'Help desk', true),
  ('auditor', 'Auditor', true);

create table administrator_roles (
  administrator_id uuid not null references administrators (id) on delete cascade,
  role_id text not null references roles (id),
  primary key (administrator_id, role_id)
);
create index administrator_roles_by_role on administrator_roles (role_id);

-- The account for emergencies: without a password it does not exist for anybody.
insert into administrators (kind, user_name, display_name) values ('break-glass', 'break-glass', 'Break glass');
insert into administrator_roles (administrator_id, role_id)
  select id, 'super-administrator' from administrators where kind = 'break-glass';

create table sessions (
  id uuid primary key default gen_random_uuid(),
  token_hash bytea not null unique,
  administrator_id uuid not null references administrators (id) on delete cascade,
  created_at timestamptz not null,
  used_at timestamptz not null,
  expires_at timestamptz not null,
  proved_at timestamptz not null,
  remote text not null
);
create index sessions_by_administrator on sessions (administrator_id);
create index sessions_by_end on sessions (expires_at);

create table api_tokens (
  id uuid primary key default gen_random_uuid(),
  token_hash bytea not null unique,
  administrator_id uuid not null references administrators (id) on delete cascade,
  name text not null,
  permissions jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  last_used_from text
);
create unique index api_tokens_by_name on api_tokens (administrator_id, lower(name));

-- One row while there is no administrator.
create table set_up (
  one boolean primary key default true check (one),
  secret_hash bytea not null,
  user_name text,
  display_name text,
  password text,
  totp_secret_id uuid references secrets (id)
);

-- Failed attempts, by account or address. Names are hashed with a key: somebody types a password there one day.
create table sign_in_attempts (
  key bytea primary key,
  failures int not null,
  failed_at timestamptz not null,
  locked_until timestamptz
);
create index sign_in_attempts_by_age on sign_in_attempts (failed_at);

create table sign_in_settings (
  one boolean primary key default true check (one),
  version int not null default 1,
  oidc jsonb,
  client_secret_id uuid references secrets (id)
);
insert into sign_in_settings default values;

-- Browsers that are away at the identity provider.
create table oidc_sign_ins (
  id uuid primary key default gen_random_uuid(),
  cookie_hash bytea not null unique,
  secret_id uuid not null references secrets (id),
  session_id uuid references sessions (id) on delete cascade,
  remote text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index oidc_sign_ins_by_remote on oidc_sign_ins (remote);
create index oidc_sign_ins_by_end on oidc_sign_ins (expires_at);
