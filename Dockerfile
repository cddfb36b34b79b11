# The server without what only its development needs. Runs as the user node, with a read-only root file
# system where /tmp (compile cache) and, for the embedded engine, DATA_DIR can be written.
# What follows the image's name goes to the server: docker run daybook --role api
FROM node:24-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/check-node.mjs scripts/
# No package runs a script: argon2 brings its compiled parts. Types and source maps are a third of the size.
RUN node scripts/check-node.mjs \
 && npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title=daybook org.opencontainers.image.licenses=Apache-2.0
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY package.json LICENSE ./
COPY scripts/check-node.mjs scripts/
COPY docs/openapi.json docs/
COPY deploy/health-check.mjs deploy/
COPY src src
# `daybook …` inside the container is `npm run daybook -- …` of the documents.
RUN printf '#!/bin/sh\nexec node /app/src/cli/main.ts "$@"\n' > /usr/local/bin/daybook \
 && chmod 755 /usr/local/bin/daybook
ENV HOST=0.0.0.0 DATA_DIR=/home/node/data
USER node
EXPOSE 3000 9464
STOPSIGNAL SIGTERM
# Alive, not ready: who starts again what is unhealthy must not do so because a database is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "deploy/health-check.mjs", "live"]
ENTRYPOINT ["node", "--import", "./scripts/check-node.mjs", "src/main.ts"]
