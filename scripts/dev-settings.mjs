/** What `npm run dev` sets where the environment says nothing: mails become files, and their links are shown. */
process.env.MAIL_LINKS_IN_LOG ??= 'on'
