ARG NODE_IMAGE=node:24.19.0-bookworm-slim

# No install scripts in either stage: the only packages that have one are test tools.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
WORKDIR /app
# The default SQLite file is data/app.db: mount a volume here to keep it, or set DATABASE_URL to Postgres.
RUN install --directory --owner=node --group=node data
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./

ENV HOST=0.0.0.0 PORT=3000
# Parts of bodies are given back to the system once they are read; glibc would keep the room of a flood of them.
ENV MALLOC_MMAP_THRESHOLD_=32768
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/alive').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# node itself is process 1 and gets SIGTERM; npm in front of it would not pass it on.
# Other commands than serve: docker run <image> migrate, doctor; docs/operations.md says when.
# The flag is that of `npm start`: docs/production.md says what it is for.
ENTRYPOINT ["node", "--max-semi-space-size=8", "dist/src/cli/service.js"]
CMD ["serve"]
