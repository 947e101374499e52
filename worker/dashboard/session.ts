/** The token lives in this tab alone and ends with it; it never stands in an address. */
const KEY = 'wattshed-token';

export const readToken = () => sessionStorage.getItem(KEY);
export const keepToken = (token: string) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);
