#!/bin/bash
# Init script of a cluster: Microsoft's ODBC driver for SQL Server on every node (its licence:
# https://aka.ms/odbc18eula). PostgreSQL needs none of it.
set -eu -o pipefail
. /etc/os-release
curl -fsSL -o /tmp/microsoft.deb "https://packages.microsoft.com/config/ubuntu/$VERSION_ID/packages-microsoft-prod.deb"
dpkg -i /tmp/microsoft.deb
apt-get update
ACCEPT_EULA=Y apt-get install -y --no-install-recommends msodbcsql18
