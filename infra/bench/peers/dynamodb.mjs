// What a key check with AWS's SDK for JavaScript is: one strongly consistent `GetItem`, digests
// compared in constant time.

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { createHash, timingSafeEqual } from "node:crypto";
import { serve } from "./runtime.mjs";

const client = new DynamoDBClient({});
// The row of the key in the event: where it is, only Frontdesk knows.
const row = JSON.parse(process.env.BENCH_ROW);

await serve(async (event) => {
  const digest = createHash("sha256").update(event.headers["x-api-key"]).digest("base64url");
  const { Item: found } = await client.send(new GetItemCommand(row));
  const isAuthorized =
    found !== undefined && timingSafeEqual(Buffer.from(found.digest.S), Buffer.from(digest));
  return { isAuthorized, context: { name: found?.name?.S } };
});
