// Access to the Hugging Face hub: address, token, errors.
import { HubApiError } from "@huggingface/hub";
import { messageOf, UserError } from "../common/errors";
import { Interrupted } from "../common/interrupt";

/** Address and token of the Hugging Face hub. */
export interface HubAccess {
  hubUrl: string;
  accessToken?: string;
}

const HUB_URL = "https://huggingface.co";

/**
 * Reads Hugging Face's variables: HF_ENDPOINT, the address of another hub or mirror, and HF_TOKEN, the user's token.
 */
export function hubAccess(): HubAccess {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = process.env;
  const hubUrl = (endpoint || HUB_URL).replace(/\/+$/, "");
  return token ? { hubUrl, accessToken: token } : { hubUrl };
}

/** The error that the hub did not answer. */
export class HubUnreachable extends UserError {}

/** Returns an error of the hub as one that says how to fix it. */
export function hubError({ hubUrl, accessToken }: HubAccess, repo: string, error: unknown): Error {
  if (error instanceof UserError || error instanceof Interrupted) return error;
  const page = `${hubUrl}/${repo}`;
  if (!(error instanceof HubApiError)) {
    return new HubUnreachable(
      `${hubUrl} could not be reached: ${causeOf(error)}.`,
      `Check the network and run again: a partial download is kept. Without a network, download the weights elsewhere from ${page} and give them with --from FILE; set HF_ENDPOINT to use a mirror.`,
      { cause: error },
    );
  }
  const { statusCode } = error;
  if (statusCode === 401 || statusCode === 403) {
    return new UserError(
      `${hubUrl} does not let ${accessToken ? "this HF_TOKEN" : "anybody without a token"} see ${repo} (${statusCode}): there is no such repository, or it is private or has conditions.`,
      `Look at ${page}: accept its conditions there, and set HF_TOKEN to a token of yours.`,
      { cause: error },
    );
  }
  const what = statusCode === 404 ? `has no ${repo}, or not that revision` : "answered with an error";
  return new UserError(`${hubUrl} ${what} (${statusCode}).`, `Look at ${page}, then run again.`, {
    cause: error,
  });
}

/** Returns the cause of an error: `fetch` says only "fetch failed". */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const inner = cause as { code?: string; message?: string } | undefined;
  return inner?.message || inner?.code || messageOf(error);
}
