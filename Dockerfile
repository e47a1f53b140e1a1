# Freqpilot on Freqtrade's official image. Build: docker compose build
ARG FREQTRADE_VERSION=2026.9
FROM freqtradeorg/freqtrade:${FREQTRADE_VERSION}_freqai

USER root
COPY --chown=ftuser:ftuser . /opt/freqpilot
RUN pip install --no-cache-dir '/opt/freqpilot[postgres]' && rm -rf /opt/freqpilot

USER ftuser
# Numba keeps its compiled kernels in the volume, so a restart does not compile them again.
ENV NUMBA_CACHE_DIR=/freqtrade/user_data/.numba
COPY --chown=ftuser:ftuser --chmod=755 docker/entrypoint.sh /usr/local/bin/freqpilot-entrypoint

ENTRYPOINT ["freqpilot-entrypoint"]
CMD ["trade"]
