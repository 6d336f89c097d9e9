/** Key of our own notes in a state's return, beside Salt's; names with two underscores are the daemon's in Salt too. */
export const STATE_NOTES = '__edge__';

/**
 * What a state does to what it is about, in the words of a plan: `would be added`, `would reload`. What is run or sent
 * may do anything; what is asked changes nothing.
 */
export type StateVerb = 'add' | 'change' | 'remove' | 'start' | 'stop' | 'restart' | 'reload' | 'run' | 'send' | 'ask';

/** A requisite through which one state makes another act. */
export interface StateCause {
  readonly requisite: 'watch' | 'onchanges' | 'listen' | 'prereq';
  /** The other state as trees name it: `file: nginx.conf`. */
  readonly state: string;
  readonly id: string;
}

/** What is known of a state's end beyond what Salt returns. Plain data; what is absent is not known or not so. */
export interface StateNotes {
  /** The author's line: `nginx/init.sls:14`. */
  readonly place?: string;
  /** Only where something changed, or would. */
  readonly verb?: StateVerb;
  /** It acted, or would, only because of these. */
  readonly because?: readonly StateCause[];
  /** In a plan: it may act because of these, but what they do is not known. */
  readonly depends?: readonly StateCause[];
  /** Its guards and what they said, one text each: `unless is true: test -e /srv/app`. */
  readonly guards?: readonly string[];
  /** The guards kept it from running. */
  readonly isSkipped?: true;
}
