#!/bin/sh
# Writes the pack's configs into user_data when they are not there yet, checks that all is well,
# and hands over to plain freqtrade. `collect` runs the collector of facts instead, which reads
# user_data and writes to the folder of facts alone; any other command goes to freqtrade as it is.
set -eu

user_data="${FREQPILOT_USERDIR:-/freqtrade/user_data}"
configs="$user_data/freqpilot"
facts="${FREQPILOT_FACTSDIR:-/freqtrade/facts}/freqpilot-facts.sqlite"
beside="$user_data/freqpilot-facts.sqlite"

# Facts lay in user_data once. They are to move when the configuration names the folder of facts.
must_move() {
    [ "${FREQTRADE__FREQPILOT__FACTS__URL:-}" = "sqlite:///$facts" ] && [ -e "$beside" ] && [ ! -e "$facts" ]
}

if [ "${1:-trade}" = "collect" ]; then
    shift
    [ ! -w "$user_data" ] || freqpilot init --userdir "$user_data"
    until [ -e "$configs/freqpilot.json" ] && ! must_move; do
        echo "waiting for the bot, which writes its configs and moves its facts at its first start"
        sleep 5
    done
    # The bot's own files, so that the collector knows the bot's books and whom to call.
    export FREQTRADE__DB_URL="${FREQTRADE__DB_URL:-sqlite:///$user_data/tradesv3.sqlite}"
    export NUMBA_CACHE_DIR="$(dirname "$facts")/.numba"
    exec freqpilot collect --userdir "$user_data" \
        -c "$configs/base.json" -c "$configs/exchange-binance.json" -c "$configs/freqai.json" \
        -c "$configs/autopilot.json" -c "$configs/facts.json" -c "$configs/ops.json" -c "$configs/freqpilot.json" "$@"
fi

freqpilot init --userdir "$user_data"

if [ "${1:-trade}" != "trade" ]; then
    exec freqtrade "$@"
fi
[ $# -eq 0 ] || shift

if must_move; then
    echo "moving the facts from $beside to $facts, which may take minutes"
    python3 -c 'import sqlite3, sys
old, new = map(sqlite3.connect, sys.argv[1:])
old.backup(new)' "$beside" "$facts.part"
    mv "$facts.part" "$facts"
    mv "$beside" "$beside.moved"
fi

set -- trade --userdir "$user_data" \
    -c "$configs/base.json" -c "$configs/exchange-binance.json" -c "$configs/freqai.json" \
    -c "$configs/autopilot.json" -c "$configs/facts.json" -c "$configs/ops.json" -c "$configs/freqpilot.json" \
    --db-url "sqlite:///$user_data/tradesv3.sqlite" "$@"

freqpilot doctor
freqpilot warm
exec freqtrade "$@"
