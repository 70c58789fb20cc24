// Access to the hub: its address, the token, its refusals.
import { HubApiError } from "@huggingface/hub";
import { messageOf, UserError } from "../common/errors";
import { Interrupted } from "../common/interrupt";

/** How the Hugging Face hub is reached. */
export interface HubAccess {
  hubUrl: string;
  accessToken?: string;
}

const HUB_URL = "https://huggingface.co";

/** As Hugging Face's own libraries: HF_ENDPOINT names another hub or a mirror, HF_TOKEN is the person's token. */
export function hubAccess(): HubAccess {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = process.env;
  const hubUrl = (endpoint || HUB_URL).replace(/\/+$/, "");
  return token ? { hubUrl, accessToken: token } : { hubUrl };
}

/** No answer came from the hub at all. */
export class HubUnreachable extends UserError {}

/** What went wrong with the hub, as a person can mend it. */
export function hubError({ hubUrl, accessToken }: HubAccess, repo: string, error: unknown): Error {
  if (error instanceof UserError || error instanceof Interrupted) return error;
  const page = `${hubUrl}/${repo}`;
  if (!(error instanceof HubApiError)) {
    return new HubUnreachable(
      `${hubUrl} could not be reached: ${causeOf(error)}.`,
      `Check the network and run again: what has come is kept. Without one, download the weights elsewhere from ${page} and give them with --from FILE; a mirror's address goes into HF_ENDPOINT.`,
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

/** fetch hides what happened ("fetch failed") behind its cause. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const inner = cause as { code?: string; message?: string } | undefined;
  return inner?.message || inner?.code || messageOf(error);
}
