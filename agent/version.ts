/** The agent's own version, as package.json has it (a test holds them together). */
export const AGENT_VERSION = '0.1.0';
