#!/bin/sh
# Writes the pack's configs into user_data when they are not there yet, checks that all is well,
# and hands over to plain freqtrade. `collect` runs the collector of facts instead; any other
# command goes to freqtrade as it is.
set -eu

user_data="${FREQPILOT_USERDIR:-/freqtrade/user_data}"
configs="$user_data/freqpilot"

freqpilot init --userdir "$user_data"

if [ "${1:-trade}" = "collect" ]; then
    shift
    exec freqpilot collect --userdir "$user_data" \
        -c "$configs/base.json" -c "$configs/exchange-binance.json" -c "$configs/facts.json" "$@"
fi
if [ "${1:-trade}" != "trade" ]; then
    exec freqtrade "$@"
fi
shift || true

set -- trade --userdir "$user_data" \
    -c "$configs/base.json" -c "$configs/exchange-binance.json" -c "$configs/freqai.json" \
    -c "$configs/autopilot.json" -c "$configs/facts.json" -c "$configs/ops.json" -c "$configs/freqpilot.json" \
    --db-url "sqlite:///$user_data/tradesv3.sqlite" "$@"

freqpilot doctor
freqpilot warm
exec freqtrade "$@"
