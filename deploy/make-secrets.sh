#!/bin/sh
# Makes ./secrets for docker-compose.yml: a new master key, and the provider's key from OPENAI_API_KEY or
# typed in. What is there already is never touched: a second master key could open nothing.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
printf '*\n' > secrets/.gitignore
keep() {
  # Readable for the user of the container; the folder keeps everybody else of this machine out.
  chmod 444 "$1"
  echo "made $1"
}
if [ ! -s secrets/master_key ]; then
  openssl rand -base64 32 > secrets/master_key
  keep secrets/master_key
  echo 'Keep a copy of secrets/master_key in another place: without it nothing sealed can ever be read.'
fi
if [ ! -s secrets/openai_api_key ]; then
  if [ -z "${OPENAI_API_KEY:-}" ]; then
    printf "The provider's key (OPENAI_API_KEY): "
    read -r OPENAI_API_KEY
  fi
  printf '%s\n' "$OPENAI_API_KEY" > secrets/openai_api_key
  keep secrets/openai_api_key
fi
