export { changeGroup, currentChoice, displayText, findGroup, recordedLink } from './access.ts';
export { fallbackOf, type LinkGroup, parseDisplay } from './display.ts';
