// The check of an API key by better-auth, on a SQLite file beside it: no network at all.
//
// `node better-auth.mjs prepare FILE` makes the file and prints a key in it.

import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import Database from "better-sqlite3";
import { serve } from "./runtime.mjs";

const [, , act, file = process.env.BENCH_DATABASE] = process.argv;
const database = new Database(file);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = OFF");

const options = {
  database,
  secret: "a secret of the bench that nobody needs to keep",
  baseURL: "http://localhost",
  telemetry: { enabled: false },
  logger: { disabled: true },
  // Ten calls a day are its default.
  plugins: [apiKey({ rateLimit: { enabled: false } })],
};
const auth = betterAuth(options);

if (act === "prepare") {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  const context = await auth.$context;
  const user = await context.internalAdapter.createUser({ email: "a@example.com", name: "A" });
  const { key } = await auth.api.createApiKey({ body: { name: "Bench", userId: user.id } });
  console.log(key);
} else {
  const key = process.env.BENCH_KEY;
  await serve(async () => {
    const { valid } = await auth.api.verifyApiKey({ body: { key } });
    return { isAuthorized: valid };
  });
}
