export {
  type CommandDecision,
  type CommandRequest,
  judgeCommand,
  type PolicyHost,
  requireAllowed,
} from './policy.ts';
export { type CommandPolicySettings, commandPolicySettings } from './settings.ts';
