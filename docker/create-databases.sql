-- Runs once, on an empty volume, by the postgres image's own psql. A role each: neither can read the other's tables.
\getenv kratos_password KRATOS_DB_PASSWORD
\getenv service_password SERVICE_DB_PASSWORD

CREATE ROLE kratos LOGIN PASSWORD :'kratos_password';
CREATE DATABASE kratos OWNER kratos;
REVOKE ALL ON DATABASE kratos FROM PUBLIC;

CREATE ROLE service LOGIN PASSWORD :'service_password';
CREATE DATABASE service OWNER service;
REVOKE ALL ON DATABASE service FROM PUBLIC;
