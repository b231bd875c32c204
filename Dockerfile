# The command `formpipe`, with OCR and what Azure, PostgreSQL, OpenTelemetry and the emulator need:
#   docker build -t formpipe .
# SQL Server needs Microsoft's ODBC driver (its licence: https://aka.ms/odbc18eula):
#   docker build -t formpipe --build-arg SQL_SERVER=1 .

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY sql sql
COPY pipeline pipeline
RUN python -m venv /opt/formpipe \
 && /opt/formpipe/bin/pip install --no-cache-dir '.[azure,emulator,postgresql,telemetry]'

FROM python:3.12-slim-bookworm
ARG SQL_SERVER=0
COPY --from=build /opt/formpipe /opt/formpipe
# the driver is whatever Microsoft's repository has for this Debian
# hadolint ignore=DL3008
RUN if [ "$SQL_SERVER" = 1 ]; then \
      apt-get update \
      && apt-get install -y --no-install-recommends ca-certificates curl gnupg \
      && curl -fsSL -o /tmp/microsoft.deb https://packages.microsoft.com/config/debian/12/packages-microsoft-prod.deb \
      && dpkg -i /tmp/microsoft.deb \
      && apt-get update \
      && ACCEPT_EULA=Y apt-get install -y --no-install-recommends msodbcsql18 \
      && /opt/formpipe/bin/pip install --no-cache-dir 'pyodbc>=5,<6' \
      && rm -rf /var/lib/apt/lists/* /tmp/microsoft.deb; \
    fi
# a volume that is mounted on one of these folders belongs to the user from the start
RUN groupadd --system --gid 10001 formpipe \
 && useradd --system --uid 10001 --gid formpipe --create-home formpipe \
 && install -d -o formpipe -g formpipe /var/lib/formpipe /var/lib/emulator
ENV PATH=/opt/formpipe/bin:$PATH PYTHONUNBUFFERED=1
# by number: what runs it can see that it is not root
USER 10001:10001
WORKDIR /var/lib/formpipe
# whether the database answers and has the schema of this program; the emulator's service has its own check
HEALTHCHECK --interval=60s --timeout=20s --start-period=30s CMD ["formpipe", "db", "status"]
ENTRYPOINT ["formpipe"]
CMD ["--help"]
