# Freqpilot on Freqtrade's official image. Build: docker compose build [--build-arg EXTRAS=postgres,text]
ARG FREQTRADE_VERSION=2026.9
FROM freqtradeorg/freqtrade:${FREQTRADE_VERSION}_freqai

# Of postgres, text, finbert and deep, by commas.
ARG EXTRAS=postgres

USER root
COPY --chown=ftuser:ftuser . /opt/freqpilot
RUN pip install --no-cache-dir "/opt/freqpilot[${EXTRAS}]" && rm -rf /opt/freqpilot

# The volume of facts takes its owner from here.
RUN mkdir -p /freqtrade/facts && chown ftuser:ftuser /freqtrade/facts

USER ftuser
# Numba keeps its compiled kernels in the volume, so a restart does not compile them again.
ENV NUMBA_CACHE_DIR=/freqtrade/user_data/.numba
COPY --chown=ftuser:ftuser --chmod=755 docker/entrypoint.sh /usr/local/bin/freqpilot-entrypoint

ENTRYPOINT ["freqpilot-entrypoint"]
CMD ["trade"]
