-- What every other table stands on: facts about this database, secrets, the audit log, repeated requests, posture.

-- Facts about the database itself, such as the epoch of its posture.
create table core_state (
  name text primary key,
  value jsonb not null
);
insert into core_state (name, value) values ('epoch', to_jsonb(gen_random_uuid()::text));

-- Everything encrypted at rest. `key_id` names the wrapping key, which lies outside of the database.
create table secrets (
  id uuid primary key default gen_random_uuid(),
  purpose text not null,
  key_id text not null,
  box bytea not null,
  created_at timestamptz not null default now()
);
create index secrets_by_key on secrets (key_id);

-- Append-only. `mac` chains each row to the one before with a key outside of the database.
create table audit (
  seq bigint primary key,
  at timestamptz not null,
  actor_kind text not null,
  actor_id text,
  actor_name text not null,
  session_id text,
  remote text,
  request_id text,
  action text not null,
  object_kind text not null,
  object_id text,
  object_name text,
  before jsonb,
  after jsonb,
  note text,
  mac bytea not null
);
create index audit_by_object on audit (object_kind, object_id, seq);
create table audit_head (
  one boolean primary key default true check (one),
  seq bigint not null,
  mac bytea not null
);
insert into audit_head (seq, mac) values (0, ''::bytea);
create function audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only';
end
$$;
create trigger audit_append_only before update or delete or truncate on audit
  for each statement execute function audit_is_append_only();

-- Replies to creates that were sent with an Idempotency-Key.
create table idempotency (
  actor text not null,
  key text not null,
  request_hash text not null,
  reply jsonb not null,
  at timestamptz not null default now(),
  primary key (actor, key)
);
create index idempotency_by_age on idempotency (at);

-- What Sentries are told. `value` null: no longer there. Numbers are given under a lock, so they become visible in order.
create sequence posture_seq as bigint;
create table posture_entries (
  kind text not null check (kind in ('device', 'certificate', 'user', 'mode')),
  key text not null,
  value jsonb,
  seq bigint not null,
  at timestamptz not null default now(),
  primary key (kind, key)
);
create unique index posture_by_seq on posture_entries (seq);
