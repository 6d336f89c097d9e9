/** Parts of operations that tests look at by themselves. */
export { pageOf, type ReturnsPage } from '../job-pages.ts';
