// Notices on Node: channels of `diagnostics_channel`, each with its name after "annulus:".

import { channel } from "node:diagnostics_channel";
import { NOTICES, type Notify } from "../../runtime/mod.ts";

const CHANNELS = new Map(NOTICES.map((name) => [name, channel(`annulus:${name}`)]));

export const notify: Notify = (name, build) => {
  const one = CHANNELS.get(name)!;
  if (one.hasSubscribers) one.publish(build());
};
