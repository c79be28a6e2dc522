// Where the gateway is, who calls, and what is to be done, as the environment and the arguments tell it.

// [move]
import { readFile } from "node:fs/promises";
import { OAuth2Client } from "google-auth-library";

const MINUTES = 60_000;

/** What every client takes: the token in a file, which is read again every few minutes, since it is renewed there. */
export function bearer() {
  const client = new OAuth2Client();
  client.refreshHandler = async () => ({
    access_token: (await readFile(process.env.BATCHJOBS_TOKEN_FILE, "utf8")).trim(),
    expiry_date: Date.now() + 10 * MINUTES,
  });
  return client;
}
// [/move]

export const [action, source, destination, name] = process.argv.slice(2);
export const way = process.env.BATCHJOBS_WAY;
export const project = process.env.BATCHJOBS_PROJECT;
export const location = process.env.BATCHJOBS_LOCATION;
export const filter = `display_name="${name}"`;
export const bigquery = source.startsWith("bq://");

/** What a program ends with when the gateway refuses. */
export const REFUSED = 3;

export const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
