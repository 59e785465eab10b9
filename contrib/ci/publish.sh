#!/usr/bin/env bash
# Publishes a file to an ODS node with nothing but curl. Safe to repeat: the same bytes again change nothing.
# Usage: ODS_URL=https://ods.example.org ODS_TOKEN=ods_p… publish.sh FILE [PATH [NAME=VALUE…]]
#        publish.sh build/Tool-7.pkg mac/Tool-7.pkg version=7.0+build.3 tag=test tag=mac
set -euo pipefail

file=$1
path=${2:-$(basename "$file")}
shift $(($# < 2 ? $# : 2))
: "${ODS_URL:?the address of the node}" "${ODS_TOKEN:?a token that may publish}"

# Every byte as %xx.
percent() { printf '%s' "$1" | LC_ALL=C od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }
encoded=$(percent "$path" | sed 's/%2f/\//g')
query=
for field in "$@"; do
  case $field in
    *=*) query+=${query:+&}$(percent "${field%%=*}")=$(percent "${field#*=}") ;;
    *) echo "not NAME=VALUE: $field" >&2; exit 2 ;;
  esac
done
digest=$(openssl dgst -sha256 -binary "$file" | openssl base64 -A)

# The token is read from a file descriptor, so that no list of processes shows it.
curl --fail-with-body --silent --show-error --retry 5 --retry-connrefused --retry-max-time 600 \
  --config <(printf 'header = "Authorization: Bearer %s"\n' "$ODS_TOKEN") \
  --header "Repr-Digest: sha-256=:$digest:" --header 'Content-Type: application/octet-stream' \
  --upload-file "$file" "${ODS_URL%/}/api/v1/packages/$encoded${query:+?$query}"
echo
